import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';

/** One IPv4 address of this machine, with the subnet it lies in. */
export interface LanInterface {
  /** What the system calls it: `eth0`, `lo`. Several addresses may share a name. */
  readonly name: string;
  readonly address: string;
  /** Length of the network part, 0…32. */
  readonly prefixBits: number;
  /** Loopback: reaches this machine only. */
  readonly internal: boolean;
}

type Listing = NodeJS.Dict<NetworkInterfaceInfo[]>;

/** Interfaces used at most: a machine with hundreds of container bridges gets no socket for each. Range 4–64. */
const INTERFACES_MAX = 32;

/**
 * The interfaces to use now, in the system's order. `allowed`: names or addresses, loopback among them if it is meant;
 * undefined: all that reach other machines, or loopback when there is none.
 *
 * @param listing what the system tells; only tests give another.
 */
export function chosenInterfaces(allowed?: readonly string[], listing: Listing = networkInterfaces()): LanInterface[] {
  const all = allInterfaces(listing);
  if (allowed !== undefined) {
    return all.filter(({ name, address }) => allowed.includes(name) || allowed.includes(address)).slice(0, INTERFACES_MAX);
  }
  const outward = all.filter((one) => !one.internal);
  return (outward.length > 0 ? outward : all).slice(0, INTERFACES_MAX);
}

/** What may be chosen, for a person: `eth0 (192.168.1.7)`. */
export function interfaceNames(listing: Listing = networkInterfaces()): string[] {
  return allInterfaces(listing).map(({ name, address }) => `${name} (${address})`);
}

function allInterfaces(listing: Listing): LanInterface[] {
  return Object.entries(listing).flatMap(([name, infos]) => (infos ?? []).flatMap((info) => lanInterface(name, info)));
}

function lanInterface(name: string, info: NetworkInterfaceInfo): LanInterface[] {
  if (info.family !== 'IPv4' || info.cidr === null) return [];
  const prefixBits = Number(info.cidr.split('/')[1]);
  return [{ name, address: info.address, prefixBits, internal: info.internal }];
}

/** True when the IPv4 address `other` lies in the subnet of `one`: what comes from elsewhere was not said on this LAN. */
export function isNeighbour(one: LanInterface, other: string): boolean {
  const [here, there] = [addressBits(one.address), addressBits(other)];
  if (here === undefined || there === undefined) return false;
  const hostSize = 2 ** (32 - one.prefixBits);
  return Math.floor(here / hostSize) === Math.floor(there / hostSize);
}

/** `192.168.1.7` as a number; undefined when it is no IPv4 address in its plain form. */
function addressBits(address: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(address);
  if (match === null) return undefined;
  const bytes = match.slice(1).map(Number);
  if (bytes.some((byte) => byte > 255)) return undefined;
  return bytes.reduce((bits, byte) => bits * 256 + byte, 0);
}
