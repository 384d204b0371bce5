import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Worker } from 'node:worker_threads'
import type * as Tesseract from 'tesseract.js'
import { withTimeout } from '../../../core/platform/async.ts'
import { openImage } from './open-image.ts'

/** Reads the lettering of images. */
export interface LetteringReader {
  /**
   * The lines of lettering in an image, from top to bottom, as far as they were read with confidence.
   *
   * @param bytes an image of a type that Gemini takes
   * @returns undefined where it was not read: it took too long, too many were waiting, or the reader has stopped
   */
  read(bytes: Uint8Array): Promise<readonly string[] | undefined>
  /** How many images were read, and how many threads were started for it. */
  counts(): { readonly read: number; readonly threads: number }
  /** Ends the thread. */
  stop(): Promise<void>
}

/** The side, in pixels, that an image is scaled down to: larger ones take longer, and gave the same words. */
const side = 1_000
/** The least confidence of a line, in percent: what is read into leaves and stripes has less than half. */
const leastConfidence = 70
const maxLines = 30
const maxLineLength = 200
const maxRemembered = 1_000

/**
 * A reader of lettering in Latin letters, by Tesseract with its English data, both from npm: nothing is downloaded. It runs in a
 * thread, started by the first image and ended when none has come for a while; one image at a time. Results are remembered by
 * the SHA-256 of the image.
 *
 * @param options.idleMs how long the thread waits for another image, in milliseconds
 * @param options.limitMs how long one image may take, the start of the thread included; a thread that takes longer is ended
 * @param options.maxWaiting how many images may wait for their turn; further ones are not read
 */
export function createLetteringReader({
  idleMs = 20_000,
  limitMs = 10_000,
  maxWaiting = 20,
}: {
  readonly idleMs?: number
  readonly limitMs?: number
  readonly maxWaiting?: number
} = {}): LetteringReader {
  const remembered = new Map<string, Promise<readonly string[] | undefined>>()
  const counts = { read: 0, threads: 0 }
  const stopping = Promise.withResolvers<undefined>()
  let thread: Promise<Thread> | undefined
  let idle: NodeJS.Timeout | undefined
  let turn: Promise<unknown> = Promise.resolve()
  let waiting = 0
  let stopped = false

  const endThread = async () => {
    clearTimeout(idle)
    const ending = thread
    thread = undefined
    await (await ending?.catch(() => undefined))?.end()
  }

  const recognise = async (bytes: Uint8Array) => {
    if (stopped) return undefined
    clearTimeout(idle)
    const picture = await pictureOf(bytes)
    if (!thread) {
      counts.threads += 1
      thread = startThread()
    }
    const reading = thread.then(({ read }) => read(picture)).catch(() => undefined)
    const lines = await withTimeout(limitMs, Promise.race([reading, stopping.promise]), () => undefined)
    if (lines === undefined) {
      void endThread()
      return undefined
    }
    counts.read += 1
    idle = setTimeout(() => void endThread(), idleMs).unref()
    return lines
  }

  return {
    read(bytes) {
      const hash = createHash('sha256').update(bytes).digest('hex')
      const known = remembered.get(hash)
      if (known) return known
      if (stopped || waiting >= maxWaiting) return Promise.resolve(undefined)
      waiting += 1
      const reading = turn
        .then(() => recognise(bytes))
        .finally(() => {
          waiting -= 1
        })
      turn = reading.catch(() => undefined)
      if (remembered.size >= maxRemembered) remembered.clear()
      remembered.set(hash, reading)
      const forget = () => remembered.delete(hash)
      reading.then((lines) => lines ?? forget(), forget)
      return reading
    },
    counts: () => ({ ...counts }),
    async stop() {
      stopped = true
      stopping.resolve(undefined)
      await turn
      await endThread()
    },
  }
}

const data = createRequire(import.meta.url).resolve('@tesseract.js-data/eng/package.json')

interface Thread {
  read(picture: Buffer): Promise<readonly string[]>
  end(): Promise<unknown>
}

async function startThread(): Promise<Thread> {
  // Loaded for the first image only: nothing else needs it.
  const { createWorker, OEM, PSM } = await import('tesseract.js')
  const reader = await createWorker('eng', OEM.LSTM_ONLY, {
    langPath: join(dirname(data), '4.0.0_best_int'),
    cacheMethod: 'none',
    // Without it a rejected job is also thrown where nobody can catch it.
    errorHandler: () => undefined,
  })
  // A picture is no page: its words stand anywhere. What Tesseract says of it on the way (`Detected 2 diacritics`) is for those
  // who work on Tesseract; that it could not be set up was said before.
  const quiet = { tessedit_pageseg_mode: PSM.SPARSE_TEXT, debug_file: '/dev/null' }
  await reader.setParameters(quiet)
  // Not among its types. A thread that dies leaves its job without an answer, which the limit of its time ends.
  const { worker } = reader as Tesseract.Worker & { readonly worker: Worker }
  worker.on('error', () => undefined).unref()
  passOn(worker)
  return {
    read: async (picture) => linesIn(await reader.recognize(picture, {}, { text: false, blocks: true })),
    end: () => worker.terminate(),
  }
}

/** What Leptonica, which Tesseract stands on, prints of a speck at the edge of an image; it goes on with the next. */
const chatter = /^Error in \w+: (box outside rectangle|invalid box)$/

/** Prints what a thread prints as errors, but for the chatter. */
export function passOn({ stderr }: Worker): void {
  stderr.unpipe(process.stderr)
  createInterface({ input: stderr }).on('line', (line) => {
    if (!chatter.test(line)) process.stderr.write(`${line}\n`)
  })
}

/** What of an image is read: large enough for small print, and no larger. */
async function pictureOf(bytes: Uint8Array): Promise<Buffer> {
  const { image } = await openImage(bytes)
  return image
    .flatten({ background: '#ffffff' })
    .resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true })
    .greyscale()
    .withMetadata({ density: 150 })
    .png({ compressionLevel: 1 })
    .toBuffer()
}

function linesIn({ data: { blocks } }: Tesseract.RecognizeResult): readonly string[] {
  return (blocks ?? [])
    .flatMap(({ paragraphs }) => paragraphs.flatMap(({ lines }) => lines))
    .filter(({ text, confidence }) => confidence >= leastConfidence && /[\p{L}\p{N}]{2}/u.test(text))
    .toSorted((one, other) => one.bbox.y0 - other.bbox.y0)
    .map(({ text }) => text.trim().slice(0, maxLineLength))
    .slice(0, maxLines)
}
