// Stores what is put, and shows its variables.
export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/vars") return Response.json({ A: env.A, B: env.B, PATH: env.PATH });
    if (request.method === "PUT") {
      console.log("stored", pathname);
      await env.BUCKET.put(pathname, request.body);
      return new Response();
    }
    const object = await env.BUCKET.get(pathname);
    return new Response(object ? object.body : null, { status: object ? 200 : 404 });
  },
};
