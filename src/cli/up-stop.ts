/** A stop takes at most so long: what is not done by then is done after the next start. */
const STOP_MS_MAX = 1900;

/**
 * What `starting` brings; undefined when `stopped` came first. Then what is on its way is still ended by `stop`, for as
 * long as a stop may take: a start may be a long one, and whoever calls it off does not wait for it. Rejects as
 * `starting` does, unless that was called off.
 */
export async function unlessStopped<Started extends object>(
  starting: Promise<Started>,
  stopped: Promise<void>,
  stop: (started: Started) => Promise<void>,
): Promise<Started | undefined> {
  const started = await Promise.race([starting, stopped]);
  if (typeof started === 'object') return started;
  await withinStopTime(starting.then(stop).catch(() => undefined));
  return undefined;
}

/** `work`, but never longer than a stop may take. */
export async function withinStopTime(work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, STOP_MS_MAX);
  });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
