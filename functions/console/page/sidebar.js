// The list of chats. On a phone it is a drawer over the page.
import { $, el } from './dom.js';
import { ago, isMain, sessionLabel, when } from './format.js';
import * as store from './store.js';

const narrow = matchMedia('(max-width: 799px)');

export class Sidebar {
  #side = $('#side');
  #list = $('#sessions');
  #sessions = [];

  // handlers: choose(name), fresh().
  constructor(handlers) {
    this.handlers = handlers;
    $('#open-side').addEventListener('click', () => this.open());
    $('#scrim').addEventListener('click', () => this.close());
    $('#new-chat').addEventListener('click', () => {
      this.close();
      handlers.fresh();
    });
    this.#side.addEventListener('keydown', (event) => event.key === 'Escape' && this.close());
    narrow.addEventListener('change', () => this.#set(false));
    this.#set(false);
  }

  open() {
    this.#set(true);
    $('#new-chat').focus();
  }

  close() {
    const inside = this.#side.contains(document.activeElement);
    this.#set(false);
    if (narrow.matches && inside) $('#open-side').focus();
  }

  #set(open) {
    const drawer = narrow.matches;
    this.#side.classList.toggle('open', drawer && open);
    this.#side.inert = drawer && !open; // out of sight is out of the tab order
    $('#page').inert = drawer && open;
    $('#scrim').hidden = !(drawer && open);
    $('#open-side').setAttribute('aria-expanded', String(drawer && open));
  }

  setSessions(sessions) {
    this.#sessions = sessions;
  }

  // show draws the list: the current conversation, and those opened here, may
  // not be on the server yet.
  show(current, opened) {
    const titles = store.titles();
    const rows = new Map([['', { name: '', updated: null }]]);
    for (const { name, updated } of this.#sessions) rows.set(isMain(name) ? '' : name, { name: isMain(name) ? '' : name, updated: when(updated) });
    for (const c of opened) {
      if (!rows.has(c.name) && !c.empty) rows.set(c.name, { name: c.name, updated: new Date() });
    }
    const [main, ...others] = rows.values();
    others.sort((a, b) => (b.updated ?? 0) - (a.updated ?? 0));
    this.#list.replaceChildren(
      ...[main, ...others].map(({ name, updated }) => {
        const busy = opened.some((c) => c.name === name && c.busy);
        const button = el(
          'button',
          { type: 'button', 'aria-current': name === current ? 'true' : null, title: name || 'Shared with your private chats in every channel' },
          el('span', { class: 'session-name', dir: 'auto', text: titles[name] || sessionLabel(name) }),
          busy ? el('span', { class: 'busy', role: 'img', 'aria-label': 'working' }) : updated && el('time', { datetime: updated.toISOString(), text: ago(updated) }),
        );
        button.addEventListener('click', () => {
          this.close();
          this.handlers.choose(name);
        });
        return el('li', {}, button);
      }),
    );
  }
}
