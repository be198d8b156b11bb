import type { Page } from 'playwright-core';
import { type Frame, webm } from './webm.ts';

const SIZE = { width: 640, height: 360 };
const FRAMES_A_SECOND = 10;
/** A seek needs no more frames than these. */
const KEY_FRAME_SECONDS = 2;
const BITS_A_SECOND = 6_000_000;

/**
 * A film of that many seconds, made in a browser: noise, so that it is large (some 0.7 MB a second) and no player takes it in at
 * once. `page`: where encoders may be used, such as any page of this machine.
 */
export async function madeFilm(page: Page, seconds: number): Promise<Buffer> {
  const asked = { ...SIZE, count: seconds * FRAMES_A_SECOND, rate: FRAMES_A_SECOND, bits: BITS_A_SECOND };
  const made = await page.evaluate(encoded, { ...asked, keyEvery: KEY_FRAME_SECONDS * FRAMES_A_SECOND });
  const frames = made.map(({ ms, isKey, base64 }): Frame => ({ ms, isKey, bytes: Buffer.from(base64, 'base64') }));
  return webm(frames, { ...SIZE, ms: seconds * 1000 });
}

interface Asked {
  readonly width: number;
  readonly height: number;
  readonly count: number;
  readonly rate: number;
  readonly bits: number;
  readonly keyEvery: number;
}

/** Runs in the browser. */
async function encoded({ width, height, count, rate, bits, keyEvery }: Asked) {
  const frames: { ms: number; isKey: boolean; base64: string }[] = [];
  const encoder = new VideoEncoder({
    output: (chunk) => {
      const bytes = new Uint8Array(chunk.byteLength);
      chunk.copyTo(bytes);
      let binary = '';
      for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
      frames.push({ ms: Math.round(chunk.timestamp / 1000), isKey: chunk.type === 'key', base64: btoa(binary) });
    },
    error: (error) => {
      throw error;
    },
  });
  encoder.configure({ codec: 'vp8', width, height, bitrate: bits, framerate: rate, latencyMode: 'realtime' });
  const pixels = new Uint8ClampedArray(width * height * 4);
  let seed = 1;
  for (let index = 0; index < count; index += 1) {
    for (let at = 0; at < pixels.length; at += 4) {
      seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
      pixels.fill((seed >> 16) & 255, at, at + 3);
      pixels[at + 3] = 255;
    }
    const frame = new VideoFrame(pixels, {
      format: 'RGBA',
      codedWidth: width,
      codedHeight: height,
      timestamp: (index * 1_000_000) / rate,
    });
    encoder.encode(frame, { keyFrame: index % keyEvery === 0 });
    frame.close();
    if (encoder.encodeQueueSize > 8) await encoder.flush();
  }
  await encoder.flush();
  return frames;
}
