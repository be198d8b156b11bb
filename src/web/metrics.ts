import type { WebPeer } from './web-options.ts';

/** What this door has answered since it was opened. */
export class WebCounts {
  /** Answers by their status. */
  readonly #answers = new Map<number, number>();

  answered(status: number): void {
    this.#answers.set(status, (this.#answers.get(status) ?? 0) + 1);
  }

  get answers(): [number, number][] {
    return [...this.#answers].sort(([a], [b]) => a - b);
  }
}

/** How the peer and its mesh are, as Prometheus reads it (text format 0.0.4). No name of a file is in it. `account`: files that it may not see do not count. */
export async function metricsText(peer: WebPeer, counts: WebCounts, account: string | undefined): Promise<string> {
  const [status, { peers }] = [await peer.status(account), peer.peers()];
  const { inBytes, outBytes } = peer.traffic();
  const of = (name: string) => `{peer="${escaped(name)}"}`;
  const lines = [
    ...gauge('filemesh_files', 'Files of the mesh.', [['', status.files]]),
    ...gauge('filemesh_bytes', 'Bytes of one copy of each.', [['', status.bytes]]),
    ...gauge('filemesh_replicas_wanted', 'Copies wanted of every file.', [['', status.wanted]]),
    ...gauge('filemesh_files_under', 'Files with fewer copies than wanted.', [['', status.under]]),
    ...gauge('filemesh_files_unavailable', 'Files of which no live peer has all.', [['', status.unavailable]]),
    ...gauge('filemesh_files_in_conflict', 'Files with several versions.', [['', status.conflicts]]),
    ...gauge('filemesh_paused', '1 while this peer does not believe its folder.', [['', status.paused === undefined ? 0 : 1]]),
    ...gauge(
      'filemesh_peer_up',
      '1 for a peer that lives.',
      peers.map(({ name, alive }) => [of(name), alive ? 1 : 0]),
    ),
    ...gauge(
      'filemesh_peer_files',
      'Files a peer holds.',
      peers.map(({ name, files }) => [of(name), files]),
    ),
    ...gauge(
      'filemesh_peer_bytes',
      'Bytes a peer holds.',
      peers.map(({ name, bytes }) => [of(name), bytes]),
    ),
    ...gauge(
      'filemesh_peer_capacity_bytes',
      'Bytes a peer offers.',
      peers.map(({ name, capacity }) => [of(name), capacity]),
    ),
    ...counter('filemesh_data_received_bytes_total', 'File data this peer took in.', [['', inBytes]]),
    ...counter('filemesh_data_sent_bytes_total', 'File data this peer gave.', [['', outBytes]]),
    ...counter(
      'filemesh_http_responses_total',
      'Answers of this door.',
      counts.answers.map(([code, count]) => [`{code="${code}"}`, count]),
    ),
    ...gauge('process_resident_memory_bytes', 'Memory of this process.', [['', process.memoryUsage.rss()]]),
    ...counter('process_cpu_seconds_total', 'CPU time of this process.', [
      ['', process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6],
    ]),
  ];
  return `${lines.join('\n')}\n`;
}

type Samples = readonly (readonly [labels: string, value: number])[];

function gauge(name: string, help: string, samples: Samples): string[] {
  return family(name, 'gauge', help, samples);
}

function counter(name: string, help: string, samples: Samples): string[] {
  return family(name, 'counter', help, samples);
}

function family(name: string, kind: string, help: string, samples: Samples): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`, ...samples.map(([labels, value]) => `${name}${labels} ${value}`)];
}

function escaped(text: string): string {
  return text.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n');
}
