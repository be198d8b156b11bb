import { accountRoutes } from './account-routes.ts';
import type { WebHouse } from './app.ts';
import { changeRoutes } from './change-routes.ts';
import { contentRoutes } from './content-routes.ts';
import type { Events } from './events.ts';
import { listRoutes } from './list-routes.ts';
import { meshRoutes } from './mesh-routes.ts';
import { metricsText, type WebCounts } from './metrics.ts';
import type { OlderContents } from './older-contents.ts';
import { openApiOf } from './openapi.ts';
import type { PageFiles } from './page-files.ts';
import { openRoute, type Route, route } from './route.ts';
import { policyOf } from './safety.ts';
import type { Sessions } from './sessions.ts';
import type { Spool } from './spool.ts';
import { tusRoutes } from './tus-routes.ts';
import type { TusUploads } from './tus-uploads.ts';
import type { WebDuty } from './web-options.ts';
import { zipRoutes } from './zip-routes.ts';

/** What routes work with. */
export interface RouteRooms {
  readonly duty: WebDuty;
  readonly house: WebHouse;
  readonly events: Events;
  readonly page: PageFiles;
  readonly sessions: Sessions;
  readonly spool: Spool;
  readonly older: OlderContents;
  readonly uploads: TusUploads;
  readonly counts: WebCounts;
}

/** Every route there is. */
export function allRoutes(rooms: RouteRooms): Route[] {
  const routes = [
    ...meshRoutes(rooms),
    ...listRoutes(),
    ...contentRoutes(rooms),
    ...changeRoutes(),
    ...zipRoutes(),
    ...tusRoutes(rooms),
    ...accountRoutes(rooms),
    metricsRoute(rooms),
  ];
  return [...routes, openApiRoute(routes, rooms.house.isSecure), ...pageRoutes(rooms)];
}

function metricsRoute({ duty, counts }: RouteRooms): Route {
  return route({
    method: 'GET',
    url: '/metrics',
    summary: 'How the peer is, for Prometheus.',
    answers: 'text',
    run: async ({ reply, who }) => {
      const text = await metricsText(duty.peer, counts, who?.admin === false ? who.user : undefined);
      return await reply.type('text/plain; version=0.0.4; charset=utf-8').send(text);
    },
  });
}

function openApiRoute(routes: readonly Route[], isSecure: boolean): Route {
  const own = openRoute({
    method: 'GET',
    url: '/openapi.json',
    summary: 'This description.',
    alsoHead: true,
    answers: 'JSON',
    run: async () => description,
  });
  const description = openApiOf([...routes, own], isSecure);
  return own;
}

/** The worker of the page that looks for other peers: the only file whose policy names them. */
const LOOKOUT = '/lookout.js';

function pageRoutes({ page, duty }: RouteRooms): Route[] {
  const files = page.paths.filter((path) => path !== '/index.html' && path !== LOOKOUT);
  const open = ['/', ...files].map((url) =>
    openRoute({
      method: 'GET',
      url,
      summary: 'A file of the page.',
      alsoHead: true,
      answers: 'file',
      run: async ({ request, reply }) => page.send(url, request, reply),
    }),
  );
  const lookout = route({
    method: 'GET',
    url: LOOKOUT,
    summary: 'A file of the page, for who is logged in.',
    answers: 'file',
    run: async ({ request, reply }) => {
      // Kept by nobody: a browser that is told "not modified" may go on with the policy it has.
      reply.headers({ 'content-security-policy': policyOf(connectsOf(duty)), 'cache-control': 'no-store' });
      return page.send(LOOKOUT, request, reply);
    },
  });
  return [...open, lookout];
}

/** Where another peer may be when this one goes away: what peers said of themselves, in the one form the wire lets through. */
function connectsOf({ peer }: WebDuty): string[] {
  return [...new Set(['http://127.0.0.1:*', ...peer.peers().peers.flatMap(({ http }) => http ?? [])])];
}
