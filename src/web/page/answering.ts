/** A probe that takes longer is of a peer one would not want. */
const PROBE_MS = 1_500;

/** True when somebody is there, whatever the answer: of another origin it cannot be read. */
export async function answers(http: string): Promise<boolean> {
  try {
    await fetch(`${http}/healthz`, { mode: 'no-cors', cache: 'no-store', signal: AbortSignal.timeout(PROBE_MS) });
    return true;
  } catch {
    return false;
  }
}
