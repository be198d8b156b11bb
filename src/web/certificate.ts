import { randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

/** Browsers take P-256; the peer's own key they may not, and it is not for this. */
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** Some browsers take no certificate that is good for longer than 825 days. It is made anew a month before its end. */
const GOOD_DAYS = 800;
const RENEW_DAYS = 30;
const DAY_MS = 86_400_000;
const FILE = 'web.pem';

/** What TLS is served with: key and certificate in one text. */
export interface WebCertificate {
  readonly key: string;
  readonly cert: string;
}

/** The certificate of the page, kept in the peer's private folder; made anew when it ends soon, or lacks a name this machine has. */
export async function webCertificate(directory: string): Promise<WebCertificate> {
  const names = ownNames();
  const kept = await readFile(join(directory, FILE), 'utf8').then(parsed, () => undefined);
  if (kept !== undefined && isGood(kept.cert, names)) return kept;
  const made = await make(names);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const staged = join(directory, `${FILE}.${randomBytes(6).toString('hex')}`);
  const handle = await open(staged, 'wx', 0o600);
  await handle.writeFile(made.key + made.cert);
  await handle.close();
  await rename(staged, join(directory, FILE));
  return made;
}

/** Addresses of this machine that others may dial, the usual one first. */
export function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((some) => some ?? []);
  const open = all.filter(({ internal, address }) => !internal && !address.startsWith('fe80:'));
  return open.sort((a, b) => a.family.localeCompare(b.family)).map(({ address }) => address);
}

/** Names and addresses by which this machine is called in a browser. */
export function ownNames(): string[] {
  const name = hostname().toLowerCase();
  return [...new Set(['localhost', name, `${name.split('.')[0]}.local`, '127.0.0.1', '::1', ...ownAddresses()])];
}

function parsed(text: string): WebCertificate | undefined {
  const [key, cert] = [
    /-----BEGIN PRIVATE KEY-----[\s\S]+?-----END PRIVATE KEY-----\n/,
    /-----BEGIN CERTIFICATE-----[\s\S]+/,
  ].map((pattern) => pattern.exec(text)?.[0]);
  return key === undefined || cert === undefined ? undefined : { key, cert };
}

function isGood(pem: string, names: readonly string[]): boolean {
  try {
    const certificate = new X509Certificate(pem);
    const fits = (name: string) => (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined;
    return Date.parse(certificate.validTo) - Date.now() > RENEW_DAYS * DAY_MS && names.every(fits);
  } catch {
    return false;
  }
}

async function make(names: readonly string[]): Promise<WebCertificate> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=filemesh',
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + GOOD_DAYS * DAY_MS),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }))),
    ],
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const lines = (key.match(/.{1,64}/g) ?? []).join('\n');
  return { key: `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`, cert: `${certificate.toString('pem')}\n` };
}
