// Signing in on the pool's own pages: OAuth 2.0's authorization code with PKCE (RFC 7636). No secret is in this page, and the
// tokens are gone with its tab.

const TOKENS = "tokens";
const ASKED = "asked";
/** Where the pool's pages come back to: this page, without what they hand over. */
const HERE = `${location.origin}/`;

const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

async function get(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error("it is not known where to sign in");
  return answer.json();
}

let known;
/** What the API says of the pool, and the pool of itself. */
function pool() {
  known ??= get("/api/settings").then(async ({ issuer, client }) => ({ client, ...(await get(`${issuer}/.well-known/openid-configuration`)) }));
  return known;
}

export async function enter() {
  const { client, authorization_endpoint } = await pool();
  const [state, verifier] = [random(), random()];
  sessionStorage.setItem(ASKED, JSON.stringify({ state, verifier }));
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const asked = {
    response_type: "code", client_id: client, redirect_uri: HERE, scope: "openid email profile", state,
    code_challenge: base64url(new Uint8Array(hash)), code_challenge_method: "S256",
  };
  location.assign(`${authorization_endpoint}?${new URLSearchParams(asked)}`);
}

export async function leave() {
  const { client, authorization_endpoint } = await pool();
  sessionStorage.removeItem(TOKENS);
  const logout = new URL(authorization_endpoint.replace(/oauth2\/authorize$/, "logout"));
  logout.search = new URLSearchParams({ client_id: client, logout_uri: HERE });
  location.assign(logout);
}

async function exchange(parameters) {
  const { client, token_endpoint } = await pool();
  const answer = await fetch(token_endpoint, { method: "POST", body: new URLSearchParams({ client_id: client, ...parameters }) });
  const tokens = await answer.json();
  if (!answer.ok) throw new Error(`the sign-in was not finished: ${tokens.error}`);
  // Half a minute before its time a token is asked for anew.
  tokens.until = Date.now() + (tokens.expires_in - 30) * 1000;
  sessionStorage.setItem(TOKENS, JSON.stringify({ ...kept(), ...tokens }));
}

const kept = () => JSON.parse(sessionStorage.getItem(TOKENS));

/** Takes what the pool's pages hand over, where somebody comes from there. */
export async function arrive() {
  const handed = new URLSearchParams(location.search);
  if (!handed.has("state")) return;
  history.replaceState(null, "", HERE);
  const asked = JSON.parse(sessionStorage.getItem(ASKED));
  sessionStorage.removeItem(ASKED);
  if (handed.has("error")) throw new Error(handed.get("error_description") ?? handed.get("error"));
  // Somebody else's sign-in is not finished here.
  if (asked?.state !== handed.get("state")) throw new Error("this sign-in was begun elsewhere: try again");
  await exchange({ grant_type: "authorization_code", code: handed.get("code"), redirect_uri: HERE, code_verifier: asked.verifier });
}

/** The token that the API takes, or nothing where nobody is signed in. */
export async function token() {
  if (!kept()) return undefined;
  if (kept().until < Date.now()) {
    try {
      await exchange({ grant_type: "refresh_token", refresh_token: kept().refresh_token });
    } catch {
      sessionStorage.removeItem(TOKENS);
      return undefined;
    }
  }
  return kept().id_token;
}
