// Small things that the page keeps. The session is none of them: it is a cookie
// that no script can read, and the token it came from is kept nowhere.

const THEME = 'instar.theme';
const TITLES = 'instar.titles';
const SESSION = 'instar.session';

// A browser may refuse storage; the page then works until it is closed.
const memory = new Map();

function get(area, key) {
  try {
    return window[area].getItem(key) ?? memory.get(area + key) ?? '';
  } catch {
    return memory.get(area + key) ?? '';
  }
}

function set(area, key, value) {
  try {
    if (value) window[area].setItem(key, value);
    else window[area].removeItem(key);
    memory.delete(area + key);
  } catch {
    memory.set(area + key, value);
  }
}

// takeTokenFromAddress reads "#token=..." and takes it out of the address bar
// and of this history entry at once. "" when there is none.
export function takeTokenFromAddress() {
  const match = /^#(?:.*&)?token=([^&]*)/.exec(location.hash);
  if (!match) return '';
  history.replaceState(null, '', location.pathname + location.search);
  try {
    return decodeURIComponent(match[1]).trim();
  } catch {
    return match[1].trim();
  }
}

// forgetToken removes a token that an earlier version of this page kept.
export function forgetToken() {
  set('sessionStorage', 'instar.token', '');
  set('localStorage', 'instar.token', '');
}

// forget removes everything that belongs to the signed-in person.
export function forget() {
  for (const key of [TITLES, SESSION]) set('sessionStorage', key, '');
}

// Titles of chats are words of the conversation, so they live no longer than
// the tab does, and end with the session.
export function titles() {
  try {
    return JSON.parse(get('sessionStorage', TITLES) || '{}');
  } catch {
    return {};
  }
}

export function saveTitle(name, title) {
  set('sessionStorage', TITLES, JSON.stringify({ ...titles(), [name]: title }));
}

export const lastSession = () => get('sessionStorage', SESSION);
export const saveLastSession = (name) => set('sessionStorage', SESSION, name);

export const theme = () => get('localStorage', THEME);
export const saveTheme = (name) => set('localStorage', THEME, name);
