// Asks the browser for the passkey that the form on this page is about, and sends what it says.
"use strict";

const form = document.forms[0];
const field = (name) => form.elements.namedItem(name);
const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

async function sign() {
  const options = JSON.parse(field("options").value);
  options.challenge = bytes(options.challenge);
  for (const known of options.allowCredentials) known.id = bytes(known.id);
  const { id, rawId, type, response } = await navigator.credentials.get({ publicKey: options });
  const names = ["clientDataJSON", "authenticatorData", "signature", "userHandle"].filter((name) => response[name]);
  const parts = Object.fromEntries(names.map((name) => [name, text(response[name])]));
  field("credential").value = JSON.stringify({ id, rawId: text(rawId), type, response: parts });
  form.submit();
}

function ask() {
  // Whoever closes the browser's window stays here, and may try again.
  sign().catch(() => document.getElementById("passkey-failed").removeAttribute("hidden"));
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
ask();
