// How numbers, times and names are shown.

export function usd(amount) {
  if (!Number.isFinite(amount)) return '';
  if (amount !== 0 && Math.abs(amount) < 0.01) return `$${amount.toFixed(4)}`;
  return `$${amount.toFixed(2)}`;
}

export function count(n) {
  if (!Number.isFinite(n)) return '0';
  if (n < 1000) return String(n);
  return `${(n / 1000).toFixed(n < 10_000 ? 1 : 0)}k`;
}

// when reads a time in RFC 3339 or in milliseconds; null when it is neither.
export function when(value) {
  if (value == null || value === '') return null;
  const date = new Date(value);
  // Go's zero time means "unknown".
  return Number.isNaN(date.getTime()) || date.getFullYear() < 2000 ? null : date;
}

export const clock = (date) => date.toLocaleTimeString([], { hour: 'numeric', minute: '2-digit' });

// stamp is the date and the time.
export const stamp = (date) => date.toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' });

// dayName is "Today", "Yesterday" or a date.
export function dayName(date, now = new Date()) {
  const midnight = (d) => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime();
  const days = Math.round((midnight(now) - midnight(date)) / 86_400_000);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  const year = date.getFullYear() === now.getFullYear() ? undefined : 'numeric';
  return date.toLocaleDateString([], { weekday: 'long', day: 'numeric', month: 'long', year });
}

// ago is a short distance to now in either direction: "now", "5 min", "3 h", "2 d".
export function ago(date, now = Date.now()) {
  const minutes = Math.round(Math.abs(now - date.getTime()) / 60_000);
  if (minutes < 1) return 'now';
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.round(minutes / 60)} h`;
  return `${Math.round(minutes / 1440)} d`;
}

// shortModel drops the provider: "anthropic/claude-sonnet-4-5" is one word on a phone.
export const shortModel = (model) => (model ? model.slice(model.lastIndexOf('/') + 1) : '');

// newSessionName holds the time only: a session's name ends up in keys and
// addresses, where words of a conversation do not belong.
export function newSessionName(now = new Date()) {
  const two = (n) => String(n).padStart(2, '0');
  const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  const random = crypto.getRandomValues(new Uint32Array(1))[0].toString(36).padStart(7, '0').slice(-4);
  return `chat-${day}-${two(now.getHours())}${two(now.getMinutes())}-${random}`;
}

// sessionLabel makes a session's name readable.
export function sessionLabel(name) {
  if (isMain(name)) return 'Main';
  const m = /^chat-(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)-\w+$/.exec(name);
  if (!m) return name;
  const date = new Date(+m[1], m[2] - 1, +m[3], +m[4], +m[5]);
  return `${date.toLocaleDateString([], { day: 'numeric', month: 'short' })}, ${clock(date)}`;
}

// isMain: the owner's main session goes by two names.
export const isMain = (name) => name === '' || name === 'main';
