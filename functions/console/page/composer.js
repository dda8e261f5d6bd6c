// The box a message is written in.
import { $ } from './dom.js';

// On a phone the keyboard's Enter makes a new line; the button sends.
const touch = matchMedia('(hover: none) and (pointer: coarse)');

export class Composer {
  #input = $('#text');
  #send = $('#send');
  #stop = $('#stop');
  #busy = false;
  #ready = CSS.supports('field-sizing', 'content');

  // handlers: send(text), stop(), changed(text).
  constructor(handlers) {
    this.handlers = handlers;
    this.#input.addEventListener('input', () => {
      this.#fit();
      handlers.changed(this.#input.value);
    });
    this.#input.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey || touch.matches) return;
      // Enter that ends an input method's composition chooses a word. Safari
      // ends the composition first and says so only by the key code 229.
      if (event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.#submit();
    });
    $('#composer').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#stop.addEventListener('click', () => handlers.stop());
  }

  get text() {
    return this.#input.value;
  }

  set text(value) {
    this.#input.value = value;
    this.#fit();
  }

  focus() {
    if (touch.matches) return; // it would raise the keyboard
    this.#input.focus({ preventScroll: true });
  }

  // show sets the buttons: busy while a turn is under way.
  show(busy, stopping) {
    const focused = document.activeElement === this.#stop || document.activeElement === this.#send;
    this.#busy = busy;
    this.#stop.hidden = !busy;
    this.#stop.setAttribute('aria-disabled', String(stopping));
    this.#stop.querySelector('span').textContent = stopping ? 'Stopping…' : 'Stop';
    this.#send.hidden = busy;
    this.#fit();
    // The button that had the focus may just have gone.
    if (focused) (busy ? this.#stop : this.#input).focus({ preventScroll: true });
  }

  #submit() {
    const text = this.#input.value.trim();
    if (!text || this.#busy) return;
    this.text = '';
    this.handlers.changed('');
    this.handlers.send(text);
  }

  #fit() {
    this.#send.disabled = this.#input.value.trim() === '';
    if (this.#ready) return;
    this.#input.style.height = 'auto';
    this.#input.style.height = `${this.#input.scrollHeight}px`;
  }
}
