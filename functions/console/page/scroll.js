// Follows the end of the transcript until the reader scrolls up.

// How near to the end counts as being there, in px.
const near = 48;

export class Scroller {
  #box;
  #button;
  #last = 0;
  #following = true;

  constructor(box, content, button) {
    this.#box = box;
    this.#button = button;
    box.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    button.addEventListener('click', () => {
      this.toEnd();
      box.focus({ preventScroll: true }); // the button hides itself
    });
    // Anything that changes the height is covered: words, chips, a keyboard.
    const observer = new ResizeObserver(() => this.#grown());
    observer.observe(content);
    observer.observe(box);
  }

  toEnd() {
    this.#following = true;
    this.#grown();
  }

  get #distance() {
    return this.#box.scrollHeight - this.#box.clientHeight - this.#box.scrollTop;
  }

  #scrolled() {
    const top = this.#box.scrollTop;
    // Only a movement up is the reader's: growth moves the end away, not the view.
    if (this.#distance <= near) this.#following = true;
    else if (top < this.#last) this.#following = false;
    this.#last = top;
    this.#show();
  }

  #grown() {
    if (this.#following) this.#box.scrollTop = this.#box.scrollHeight;
    this.#last = this.#box.scrollTop;
    this.#show();
  }

  #show() {
    this.#button.hidden = this.#following || this.#distance <= near;
  }
}
