// The receiver as it is, with two addresses more: a Worker's own socket has no other way to its cron and its outbox.
import receiver from '../../src/index.ts';

export default {
  ...receiver,

  async fetch(request, env, lifetime) {
    const url = new URL(request.url);
    switch (url.pathname) {
      case '/crash/cron':
        await receiver.scheduled({}, env, lifetime);
        return Response.json({});
      case '/crash/outbox':
        return Response.json(
          await env.DB.prepare('SELECT count(*) AS pending, max(seq) AS lastSeq FROM outbox WHERE seq > ?1')
            .bind(Number(url.searchParams.get('after')))
            .first(),
        );
      default:
        return receiver.fetch(request, env, lifetime);
    }
  },
};
