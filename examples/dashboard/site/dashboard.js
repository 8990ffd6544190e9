// The board: shows what the table has as it changes, and sends what its users do to the API.

import { arrive, enter, leave, token } from "/sign-in.js";

const find = (selector, within = document) => within.querySelector(selector);
const STATES = ["todo", "doing", "done"];
/** Everything on the board, by name: tasks, comments and people. */
const entries = new Map();
let me;

const say = (error) => { find("#told").textContent = error.message ?? error; };

async function ask(method, path, body) {
  const headers = { authorization: `Bearer ${await token()}`, "content-type": "application/json" };
  const answer = await fetch(`/api${path}`, { method, headers, body: body && JSON.stringify(body) });
  if (answer.status === 401) return location.reload();
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error ?? told.message);
  find("#told").textContent = "";
  return told;
}

/** An item as it comes from the table, without DynamoDB's types: all its values are texts. */
const plain = (item) => Object.fromEntries(Object.entries(item).map(([name, value]) => [name, value.S]));

/** Shows the board from now on. The address is good for an hour, and so is what the browser does when the connection is lost. */
async function follow() {
  const { url } = await ask("GET", "/live");
  const events = new EventSource(url);
  events.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.Type === "Error") {
      events.close();
      setTimeout(() => follow().catch(say), 1_000);
    } else if (message.Type === "Result") {
      entries.clear();
      for (const item of message.Items.map(plain)) entries.set(item.entry, item);
    } else {
      for (const { Type, Key, Item } of message.Changes) {
        if (Type === "Removed") entries.delete(Key.entry.S);
        else entries.set(Item.entry.S, plain(Item));
      }
    }
    show();
  };
  events.onerror = () => {
    if (events.readyState !== EventSource.CLOSED) return;
    setTimeout(() => follow().catch(say), 1_000);
  };
}

const starting = (start) => [...entries.values()].filter(({ entry }) => entry.startsWith(start)).sort((a, b) => (a.entry < b.entry ? -1 : 1));

/** A picture, or the first letter of the name. */
function wear(face, person) {
  const source = person?.avatar && `/${person.avatar}?w=80&h=80&fit=crop&format=auto`;
  if (face.dataset.source === (source ?? "")) return;
  face.dataset.source = source ?? "";
  face.replaceChildren(source ? Object.assign(new Image(), { src: source, alt: "" }) : (person?.name ?? "?")[0].toUpperCase());
}

function show() {
  for (const state of STATES) {
    const list = find(`[data-state=${state}] ol`);
    const tasks = starting("task#").filter((task) => task.state === state);
    list.replaceChildren(...tasks.map((task) => shown(task)));
  }
  const mine = entries.get(`person#${me.id}`);
  if (mine) wear(find("#mine"), mine);
}

const cards = new Map();
/** A task's card, the same one as long as there is the task: nobody loses what is being typed. */
function shown(task) {
  const id = task.entry.slice("task#".length);
  if (!cards.has(id)) cards.set(id, made(id));
  const card = cards.get(id);
  const author = entries.get(`person#${task.author}`);
  find(".title", card).textContent = task.title;
  find(".name", card).textContent = author?.name ?? "somebody";
  wear(find(".face", card), author);
  const at = STATES.indexOf(task.state);
  find(".back", card).disabled = at === 0;
  find(".on", card).disabled = at === STATES.length - 1;
  find(".back", card).onclick = () => change(id, { state: STATES[at - 1] });
  find(".on", card).onclick = () => change(id, { state: STATES[at + 1] });
  // The API decides; what it would refuse is not offered.
  for (const own of [".rename", ".remove"]) find(own, card).hidden = task.author !== me.id && !me.manager;
  const comments = starting(`comment#${id}#`).map(({ text, author }) => {
    const line = document.createElement("li");
    line.append(Object.assign(document.createElement("b"), { textContent: entries.get(`person#${author}`)?.name ?? "somebody" }), ` ${text}`);
    return line;
  });
  find(".comments", card).replaceChildren(...comments);
  return card;
}

const change = (id, changes) => ask("PATCH", `/tasks/${id}`, changes).catch(say);

function made(id) {
  const card = find("#task").content.firstElementChild.cloneNode(true);
  card.dataset.task = id;
  find(".remove", card).onclick = () => ask("DELETE", `/tasks/${id}`).catch(say);
  find(".rename", card).onclick = () => {
    const title = prompt("What is to be done?", find(".title", card).textContent);
    if (title) change(id, { title });
  };
  find(".say", card).onsubmit = (event) => {
    event.preventDefault();
    const { text } = event.target.elements;
    ask("POST", `/tasks/${id}/comments`, { text: text.value }).then(() => { text.value = ""; }, say);
  };
  return card;
}

find("#add").onsubmit = (event) => {
  event.preventDefault();
  const { title } = event.target.elements;
  ask("POST", "/tasks", { title: title.value }).then(() => { title.value = ""; }, say);
};

async function send(file) {
  const { avatar, url, fields } = await ask("POST", "/me/avatar", { type: file.type });
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file);
  const sent = await fetch(url, { method: "POST", body: form });
  if (!sent.ok) throw new Error("the picture was not taken: is it larger than 5 MB?");
  await ask("PUT", "/me", { avatar });
}

find("#picture").onchange = ({ target }) => send(target.files[0]).catch(say).finally(() => { target.value = ""; });
find("#enter").onclick = () => enter().catch(say);
find("#leave").onclick = () => leave().catch(say);

async function start() {
  try {
    await arrive();
  } catch (error) {
    say(error);
  }
  const known = Boolean(await token());
  find("#welcome").hidden = known;
  for (const part of ["#me", "#add", "#board"]) find(part).hidden = !known;
  if (!known) return;
  me = await ask("PUT", "/me", {});
  await follow();
}

start().catch(say);
