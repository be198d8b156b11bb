import type { Address } from '../platform/network.ts';

/** Groups of an IPv6 address that are a network's: a machine has as many addresses in it as it likes. */
const NETWORK_GROUPS = 4;

/** The host of an address, without its port; of an IPv6 one its network. */
export function hostOf(address: Address): string {
  const bracketed = /^\[([^\]]*)\](:\d+)?$/.exec(address)?.[1];
  const host = bracketed ?? (address.split(':').length > 2 ? address : address.replace(/:\d+$/, ''));
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1];
  if (mapped !== undefined) return mapped;
  return host.includes(':') && host !== '::1' ? networkOf(host) : host;
}

/** A name that only begins like such an address may lead anywhere. */
export function isLoopback(host: string): boolean {
  return host === '::1' || host === 'localhost' || /^127(\.\d{1,3}){3}$/.test(host);
}

function networkOf(host: string): string {
  const [head = '', tail] = host.replace(/%.*$/, '').toLowerCase().split('::');
  const groups = head.split(':').filter((group) => group !== '');
  // What "::" leaves out is zeros, and the network's part ends before what follows it, or has them.
  while (tail !== undefined && groups.length < NETWORK_GROUPS) groups.push('0');
  return `${groups.slice(0, NETWORK_GROUPS).join(':')}::`;
}
