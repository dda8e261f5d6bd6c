// The console: wires the parts together and decides what the page shows.
import { Api, advice } from './api.js';
import { Composer } from './composer.js';
import { Conversation } from './conversation.js';
import { $, announce } from './dom.js';
import { isMain, newSessionName, sessionLabel } from './format.js';
import { LazyPanel } from './lazy.js';
import { Scroller } from './scroll.js';
import { Sidebar } from './sidebar.js';
import { StatusPanel } from './status.js';
import * as store from './store.js';
import { startTheme } from './theme.js';

const conversations = new Map();
let current = null;

let signedIn = false; // as far as the last answers tell

const api = new Api(() => signedOut(signedIn ? 'Your session has ended. Log in again.' : ''));
const status = new StatusPanel(api);
const panels = [
  status,
  new LazyPanel('memory', ({ MemoryPanel }) => new MemoryPanel(api)),
  new LazyPanel('grants', ({ GrantsPanel }) => new GrantsPanel(api)),
  new LazyPanel('audit', ({ AuditPanel }) => new AuditPanel(api)),
];
const scroller = new Scroller($('#scroll'), $('#content'), $('#latest'));
const sidebar = new Sidebar({ choose: open, fresh: () => open(newSessionName()) });
const composer = new Composer({
  send(text) {
    scroller.toEnd();
    current.send(text);
  },
  stop: () => current.stop(),
  changed(text) {
    current.draft = text;
  },
});

function conversation(name) {
  if (!conversations.has(name)) {
    conversations.set(name, new Conversation(name, api, { changed, draft, finished }));
  }
  return conversations.get(name);
}

// here is false for a conversation that was dropped by logging out.
const here = (c) => conversations.get(c.name) === c;

function changed(c) {
  if (!here(c)) return;
  if (c.name && c.title) store.saveTitle(c.name, c.title.slice(0, 60));
  if (c === current) showCurrent();
  sidebar.show(current?.name, [...conversations.values()]);
}

function draft(c) {
  if (c !== current) return;
  composer.text = c.draft;
  composer.focus();
}

// finished runs after every turn: money was spent, the list may have changed.
function finished(c) {
  if (!here(c)) return;
  if (c === current) composer.focus();
  refreshAround();
}

function showCurrent() {
  const ready = current.loaded || !current.empty;
  composer.show(current.busy, current.stopping);
  $('#hello').hidden = !(ready && current.empty);
  $('#loading').hidden = ready;
  const title = current.empty && current.loaded ? 'New chat' : store.titles()[current.name] || sessionLabel(current.name);
  $('#title').textContent = current.name ? title : 'Main';
}

// open shows the conversation of that name and brings it up to date.
async function open(name) {
  if (current) current.draft = composer.text;
  current = conversation(isMain(name) ? '' : name);
  store.saveLastSession(current.name);
  $('#messages').replaceChildren(current.list);
  $('#load-error').hidden = true;
  composer.text = current.draft;
  changed(current);
  scroller.toEnd();
  composer.focus();
  await load(current);
  scroller.toEnd();
}

async function load(c) {
  try {
    await c.load();
  } catch (err) {
    if (c !== current || err.status === 401) return;
    if (err.status === 404) c.loaded = true; // a new chat is not on the server yet
    else showLoadError(err);
  }
  if (c === current) showCurrent();
}

function showLoadError(err) {
  $('#loading').hidden = true;
  $('#load-error').hidden = false;
  $('#load-error p').textContent = `This chat could not be loaded. ${advice(err)}`;
}

function refreshAround() {
  status.refresh().catch(() => {});
  refreshSessions();
}

function refreshSessions() {
  api
    .sessions()
    .then(({ sessions }) => {
      sidebar.setSessions(sessions ?? []);
      sidebar.show(current?.name, [...conversations.values()]);
    })
    .catch(() => {});
}

// start shows the page, the log-in form, or what is wrong.
async function start() {
  show('');
  open(store.lastSession()); // the history need not wait for the status
  try {
    await status.refresh();
  } catch (err) {
    if (err.status !== 401) showTrouble(err);
    return;
  }
  signedIn = true;
  show('app');
  composer.focus();
  refreshSessions();
}

// show makes one of the three screens visible ("" is none).
function show(screen) {
  for (const id of ['app', 'login', 'trouble']) $(`#${id}`).hidden = id !== screen;
}

function signedOut(reason) {
  if (!$('#login').hidden) return; // several calls may have failed at once
  signedIn = false;
  for (const panel of panels) panel.close();
  show('login');
  loginError(reason);
  $('#token').value = '';
  $('#token').focus();
}

function loginError(text) {
  $('#login-error').textContent = text;
  $('#login-error').hidden = !text;
}

// logIn exchanges the token for a session and reports whether that went well;
// otherwise the form says why not.
async function logIn(token) {
  try {
    await api.login(token);
    $('#token').value = '';
    return true;
  } catch (err) {
    signedOut('');
    loginError(err.status === 401 ? 'This token was not accepted. Check it and try again.' : advice(err));
    $('#token').select();
    return false;
  }
}

$('#login-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const token = $('#token').value.trim();
  if (!token) return loginError('Paste the token first.');
  const button = event.submitter ?? $('#login-form button');
  button.disabled = true; // each try counts
  const ok = await logIn(token);
  button.disabled = false;
  if (ok) resume();
});

// resume starts anew, or goes on where a 401 interrupted.
async function resume() {
  if (!current) return start();
  try {
    await status.refresh();
  } catch (err) {
    if (err.status !== 401) showTrouble(err);
    return;
  }
  signedIn = true;
  show('app');
  composer.text = current.draft;
  composer.focus();
  refreshSessions();
  if (!current.loaded) load(current);
}

function showTrouble(err, first = '') {
  $('#trouble p').textContent = first + advice(err);
  show('trouble');
}

$('#log-out').addEventListener('click', async () => {
  let next;
  try {
    ({ next } = await api.logout());
  } catch (err) {
    if (err.status !== 401) return showTrouble(err, 'You are still logged in. ');
  }
  for (const c of conversations.values()) c.close();
  conversations.clear();
  current = null;
  store.forget();
  $('#messages').replaceChildren();
  composer.text = '';
  signedOut('');
  announce('Logged out.');
  if (next === '/cdn-cgi/access/logout') location.assign(next);
});

$('#retry').addEventListener('click', resume);
$('#reload-chat').addEventListener('click', () => open(current.name));

for (const button of document.querySelectorAll('#hello button')) {
  button.addEventListener('click', () => {
    composer.text = button.dataset.prompt;
    current.draft = composer.text;
    $('#text').focus();
  });
}

// The main session goes on in other channels while this page is out of sight.
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState !== 'visible' || !current || $('#app').hidden) return;
  refreshAround();
  if (!current.busy && !(current.empty && current.name)) load(current);
});

// A phone's keyboard covers the page without resizing it; the visible height
// is what the layout gets.
const viewport = window.visualViewport;
const fit = () => document.documentElement.style.setProperty('--height', `${viewport.height}px`);
viewport?.addEventListener('resize', fit);
if (viewport) fit();

// A link with another token may be opened in a tab that shows the page already.
addEventListener('hashchange', async () => {
  const token = store.takeTokenFromAddress();
  if (token && (await logIn(token))) resume();
});

const token = store.takeTokenFromAddress();
store.forgetToken();
startTheme();
if (!token || (await logIn(token))) start();
