// Panels over the page whose script comes when the first of them is opened.
import { $, el } from './dom.js';

export class LazyPanel {
  #make;
  #panel = null;

  // name is the dialog's id; make(panels) makes the panel of what panels.js has.
  constructor(name, make) {
    this.#make = make;
    this.dialog = $(`#${name}`);
    this.body = $(`#${name}-body`);
    $(`#open-${name}`).addEventListener('click', () => this.open());
    const close = () => this.close();
    this.dialog.querySelector('.close').addEventListener('click', close);
    this.dialog.addEventListener('click', (event) => event.target === this.dialog && close());
    this.dialog.addEventListener('close', () => this.#clear());
  }

  async open() {
    this.dialog.showModal();
    if (!this.#panel) {
      this.#say('hint', 'Loading…');
      try {
        const panels = await import('./panels.js');
        this.#panel ??= this.#make(panels);
      } catch {
        // Out of reach, or from before the last update of Instar.
        if (this.dialog.open) this.#say('error-text', 'This could not be loaded. Check the connection, then reload the page.');
        return;
      }
    }
    if (this.dialog.open) this.#panel.refresh();
  }

  close() {
    this.dialog.close();
    this.#clear();
  }

  // Nothing that was shown stays in the page.
  #clear() {
    this.#panel?.forget();
    this.body.replaceChildren();
  }

  #say(kind, text) {
    this.body.replaceChildren(el('p', { class: kind, role: kind === 'hint' ? null : 'alert', text }));
  }
}
