// A Worker that reads a body and answers: what every request costs before any
// Go code runs.
export default {
  async fetch(request) {
    await request.arrayBuffer();
    return new Response();
  },
};
