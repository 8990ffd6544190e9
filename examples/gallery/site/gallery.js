// Shows the photos there are, newest first, and sends those that are added straight to the bucket.

const find = (selector) => document.querySelector(selector);
const [photos, told, large, shown] = ["#photos", "#told", "#large", "#shown"].map(find);
// How long a photo may take from the bucket to the list, in milliseconds.
const PATIENCE = 30_000;

/** What the distribution makes of a photo: no larger than it is seen, in the form that this browser reads best. */
const made = (photo, parameters) => `/photos/${photo}?${new URLSearchParams({ ...parameters, format: "auto" })}`;

const square = (photo, side) => made(photo, { w: side, h: side, fit: "crop" });

async function list(before) {
  const answer = await fetch(`/api/photos${before ? `?before=${before}` : ""}`);
  if (!answer.ok) throw new Error("the photos cannot be listed");
  return answer.json();
}

function tile({ photo, tiny }) {
  const tile = document.createElement("button");
  tile.dataset.photo = photo;
  tile.style.backgroundImage = `url(${tiny})`;
  tile.ariaLabel = "Show the photo";
  const image = tile.appendChild(document.createElement("img"));
  image.loading = "lazy";
  image.alt = "";
  image.sizes = "(max-width: 48rem) 31vw, 15rem";
  image.onload = () => image.classList.add("there");
  image.srcset = [200, 400, 800].map((side) => `${square(photo, side)} ${side}w`).join(", ");
  tile.onclick = () => {
    shown.src = made(photo, { w: 1600, h: 1600, fit: "max" });
    large.showModal();
  };
  return tile;
}

const tileOf = (photo) => photos.querySelector(`[data-photo="${photo}"]`);

async function more() {
  const last = [...photos.querySelectorAll("[data-photo]:not(.waiting)")].at(-1);
  const page = await list(last?.dataset.photo);
  photos.append(...page.photos.filter(({ photo }) => !tileOf(photo)).map(tile));
  find("#more").hidden = !page.more;
  find("#empty").hidden = photos.childElementCount > 0;
}

async function send(file) {
  const waiting = document.createElement("button");
  waiting.className = "waiting";
  waiting.disabled = true;
  photos.prepend(waiting);
  find("#empty").hidden = true;
  try {
    const type = file.type;
    const asked = await fetch("/api/uploads", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ type }) });
    if (!asked.ok) throw new Error((await asked.json()).error);
    const { photo, url, fields } = await asked.json();
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    form.append("file", file);
    const sent = await fetch(url, { method: "POST", body: form });
    if (!sent.ok) throw new Error("the photo was not taken: is it larger than 20 MB?");
    waiting.replaceWith(tile(await entry(photo)));
  } catch (error) {
    waiting.remove();
    throw error;
  }
}

/** The entry of a photo that was sent, once it is there. */
async function entry(photo) {
  for (const until = Date.now() + PATIENCE; Date.now() < until; await new Promise((wake) => setTimeout(wake, 400))) {
    const found = (await list()).photos.find((one) => one.photo === photo);
    if (found) return found;
  }
  throw new Error("this is no photo that can be read");
}

async function sendAll(files) {
  told.textContent = "";
  const results = await Promise.allSettled([...files].map(send));
  const failed = results.flatMap(({ reason }, index) => (reason ? [`${files[index].name}: ${reason.message}`] : []));
  told.textContent = failed.join(" · ");
  find("#empty").hidden = photos.childElementCount > 0;
}

const say = (error) => { told.textContent = error.message; };
find("#files").onchange = ({ target }) => sendAll([...target.files]).finally(() => { target.value = ""; });
find("#more").onclick = () => more().catch(say);
document.body.ondragover = (event) => { event.preventDefault(); document.body.classList.add("over"); };
document.body.ondragleave = () => document.body.classList.remove("over");
document.body.ondrop = (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  sendAll([...event.dataTransfer.files]);
};
large.onclose = () => shown.removeAttribute("src");
more().catch(say);
