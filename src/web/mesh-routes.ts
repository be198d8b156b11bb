import { z } from 'zod';
import { invite, removePeer, resume, setReplicas, status } from '../client/verbs/mesh.ts';
import { openRoute, type Route, route } from './route.ts';
import type { RouteRooms } from './routes.ts';
import { shownPeer } from './shown-peer.ts';

/** What concerns the mesh and its peers. */
export function meshRoutes({ duty, house, events, sessions }: RouteRooms): Route[] {
  const isLocal = !house.isSecure;
  return [
    openRoute({
      method: 'GET',
      url: '/api/v1/session',
      summary: 'Who asks, of which mesh and peer this door is, and whether the mesh has accounts.',
      answers: 'session',
      run: async ({ request }) => {
        const { peer } = duty;
        const accounts = peer.people.hasAccounts();
        const who = await sessions.whoIs(request);
        // To strangers on other machines no more than they need to log in.
        const isKnown = isLocal || who !== undefined;
        return {
          accounts,
          user: who?.user ?? null,
          admin: accounts ? who?.admin === true : isLocal,
          key: who?.key ?? null,
          mesh: isKnown ? (peer.meshName ?? null) : null,
          meshId: peer.meshId?.slice(0, 16) ?? null,
          peer: isKnown ? { id: peer.id, name: peer.name } : null,
        };
      },
    }),
    route({
      method: 'GET',
      url: '/api/v1/status',
      summary: 'What the answering peer says of itself and of the mesh.',
      answers: 'status',
      run: async ({ session, options }) => await status(session, options),
    }),
    route({
      method: 'GET',
      url: '/api/v1/peers',
      summary: 'All member peers: load, addresses, who is away since when, why one is paused.',
      answers: 'peers',
      run: async ({ session, options }) => ({ peers: (await session.call('peers', {}, options)).reply.peers.map(shownPeer) }),
    }),
    route({
      method: 'GET',
      url: '/api/v1/traffic',
      summary: 'What the other peers say they moved since they started, by link: they are asked when this is, at most every 2 s.',
      answers: 'traffic',
      run: async () => await duty.peer.othersTraffic(),
    }),
    route({
      method: 'POST',
      url: '/api/v1/invite',
      summary: 'The line with which other machines enter.',
      answers: 'invite',
      run: async ({ session, options }) => await invite(session, options),
    }),
    route({
      method: 'POST',
      url: '/api/v1/remove',
      summary: 'Removes a peer for good; without "confirm" only tells what would be lost.',
      answers: 'removal',
      body: z.object({ peer: z.string().min(1).max(100), confirm: z.boolean().default(false) }),
      run: async ({ session, body, options }) => await removePeer(session, body.peer, body.confirm, options),
    }),
    route({
      method: 'POST',
      url: '/api/v1/settings',
      summary: 'Changes how many copies the mesh keeps.',
      answers: 'settings',
      body: z.object({ replicas: z.number().int().min(1).max(16) }),
      run: async ({ session, body, options }) => {
        await setReplicas(session, body.replicas, options);
        return { replicas: body.replicas };
      },
    }),
    route({
      method: 'POST',
      url: '/api/v1/resume',
      summary: 'Answers a paused peer: the files missing from its folder were meant to go, or are to come back.',
      answers: 'resumed',
      body: z.object({ how: z.enum(['deleted', 'restore']) }),
      run: async ({ session, body, options }) => ({ peer: (await resume(session, body.how, options)) ?? null }),
    }),
    route({
      method: 'GET',
      url: '/api/v1/events',
      summary:
        'What happens, as server-sent events: "files" (paths that changed), "peers", "status", "traffic" (file data moved since the start).',
      answers: 'event stream',
      run: async (call) => events.open(call),
    }),
    openRoute({
      method: 'GET',
      url: '/healthz',
      summary: 'Says that the peer lives.',
      alsoHead: true,
      answers: 'text',
      // A page whose own peer died looks which other one answers, without reading what.
      run: async ({ reply }) => reply.type('text/plain').header('cross-origin-resource-policy', 'cross-origin').send('ok\n'),
    }),
  ];
}
