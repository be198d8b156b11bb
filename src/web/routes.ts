import { accountRoutes } from './account-routes.ts';
import type { WebHouse } from './app.ts';
import { changeRoutes } from './change-routes.ts';
import { contentRoutes } from './content-routes.ts';
import type { Events } from './events.ts';
import { listRoutes } from './list-routes.ts';
import { meshRoutes } from './mesh-routes.ts';
import type { PageFiles } from './page-files.ts';
import { type Route, route } from './route.ts';
import type { Sessions } from './sessions.ts';
import type { WebDuty } from './web-options.ts';

/** What routes work with. */
export interface RouteRooms {
  readonly duty: WebDuty;
  readonly house: WebHouse;
  readonly events: Events;
  readonly page: PageFiles;
  readonly sessions: Sessions;
}

/** Every route there is. */
export function allRoutes(rooms: RouteRooms): Route[] {
  return [
    ...meshRoutes(rooms),
    ...listRoutes(),
    ...contentRoutes(rooms),
    ...changeRoutes(),
    ...accountRoutes(rooms),
    ...pageRoutes(rooms),
  ];
}

function pageRoutes({ page }: RouteRooms): Route[] {
  const files = page.paths.filter((path) => path !== '/index.html');
  return ['/', ...files].map((url) =>
    route({
      method: 'GET',
      url,
      summary: 'A file of the page.',
      answers: 'file',
      access: 'anybody',
      run: async ({ request, reply }) => page.send(url, request, reply),
    }),
  );
}
