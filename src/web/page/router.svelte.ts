import { hashOf, type Route, routeOf } from './routes.ts';

/** Where one is: follows the address, and is changed by changing it. */
class Router {
  route = $state<Route>(routeOf(location.hash));

  constructor() {
    addEventListener('hashchange', () => {
      this.route = routeOf(location.hash);
    });
  }

  go(route: Route): void {
    location.hash = hashOf(route);
  }

  /** Without a step back to where one was. */
  replace(route: Route): void {
    history.replaceState(null, '', hashOf(route));
    this.route = route;
  }
}

export const router = new Router();
