// Reads an event stream (HTML Living Standard, 9.2.6) from a fetch body:
// EventSource cannot send a POST or a header.

// Parser takes decoded text in pieces of any size and calls
// onEvent(type, data) for each complete event.
export class Parser {
  #rest = '';
  #type = '';
  #data = [];
  #onEvent;

  constructor(onEvent) {
    this.#onEvent = onEvent;
  }

  push(text) {
    this.#rest += text;
    for (;;) {
      const at = this.#rest.search(/[\r\n]/);
      if (at < 0) return;
      // A CR at the very end may be half of a CRLF that is still on its way.
      if (this.#rest[at] === '\r' && at === this.#rest.length - 1) return;
      const width = this.#rest.startsWith('\r\n', at) ? 2 : 1;
      const line = this.#rest.slice(0, at);
      this.#rest = this.#rest.slice(at + width);
      this.#line(line);
    }
  }

  #line(line) {
    if (line === '') {
      const type = this.#type || 'message';
      const data = this.#data.join('\n');
      const any = this.#data.length > 0;
      this.#type = '';
      this.#data = [];
      if (any) this.#onEvent(type, data);
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return; // a comment, sent to keep the connection open
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#type = value;
    else if (field === 'data') this.#data.push(value);
  }
}
