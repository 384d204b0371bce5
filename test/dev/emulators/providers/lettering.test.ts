import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createLetteringReader, type LetteringReader } from '../../../../dev/emulators/providers/lettering.ts'
import { startProviderEmulators } from '../../../../dev/emulators/providers/server.ts'

// Started once: its thread takes half a second of the processor.
let reader: LetteringReader
let poster: Buffer
beforeAll(async () => {
  reader = createLetteringReader({ limitMs: 60_000 })
  poster = await readFile(new URL('../../../../samples/poster.png', import.meta.url))
})
afterAll(() => reader.stop())

test('the lettering of a poster is read from top to bottom, and once for any number of calls', async () => {
  const lines = ['Pellmere', 'cloudy lemonade', 'Pressed at noon.', 'Gone by evening.', 'Fresh every summer day']
  expect(await Promise.all([reader.read(poster), reader.read(Buffer.from(poster))])).toEqual([lines, lines])
  expect(await reader.read(poster)).toEqual(lines)
  expect(reader.counts()).toEqual({ read: 1, threads: 1 })
})

test('what is not lettering is not read into words', async () => {
  const orchard = await readFile(new URL('../../../../samples/orchard.png', import.meta.url))
  expect(await reader.read(orchard)).toEqual([])
})

test('the emulated Gemini says what is written in an image, and that it was not read where nothing reads', async () => {
  // Its stop would stop the reader, which other tests share.
  const { read, counts } = reader
  const reading = await startProviderEmulators({ lettering: { read, counts, stop: async () => undefined } })
  const blind = await startProviderEmulators()
  onTestFinished(() => Promise.all([reading.stop(), blind.stop()]).then(() => undefined))
  const ask = async (baseUrl: string) => {
    const response = await fetch(`${baseUrl}/v1beta/models/any:generateContent?key=any`, {
      method: 'POST',
      body: JSON.stringify({
        contents: [{ parts: [{ inlineData: { mimeType: 'image/png', data: poster.toString('base64') } }] }],
        generationConfig: {
          responseMimeType: 'application/json',
          responseJsonSchema: {
            type: 'object',
            properties: {
              typography: {
                type: 'object',
                properties: { style: { type: 'string' }, textSeen: { type: 'array', items: { type: 'string' } } },
              },
            },
          },
        },
      }),
    })
    const { candidates } = (await response.json()) as { candidates: { content: { parts: { text: string }[] } }[] }
    return JSON.parse(candidates[0]?.content.parts[0]?.text ?? '')
  }
  expect(await ask(reading.geminiBaseUrl)).toMatchObject({
    typography: { style: '5 lines of lettering.', textSeen: expect.arrayContaining(['Fresh every summer day']) },
  })
  expect((await ask(blind.geminiBaseUrl)).typography).toEqual({ style: 'The lettering was not read.', textSeen: [] })
})

test('an image that takes too long is not read, nor are those beyond the number that may wait', async () => {
  const hasty = createLetteringReader({ limitMs: 0, maxWaiting: 2 })
  onTestFinished(() => hasty.stop())
  const images = await Promise.all(['#111', '#222', '#333'].map(plain))
  expect(await Promise.all(images.map((image) => hasty.read(image)))).toEqual([undefined, undefined, undefined])
  // Two were begun, each with a thread that its lateness ended; the third had to be left.
  expect(hasty.counts()).toEqual({ read: 0, threads: 2 })
})

test('a reader that has stopped reads nothing more, and its stop ends what is under way', async () => {
  const stopping = createLetteringReader({ limitMs: 60_000 })
  const reading = stopping.read(await plain('#444'))
  await stopping.stop()
  expect([await reading, await stopping.read(poster)]).toEqual([undefined, undefined])
})

test('what the reader makes of specks is not printed, and anything else that its thread prints is', async () => {
  const images = await Promise.all([specks(4), specks(102)])
  const module = new URL('../../../../dev/emulators/providers/lettering.ts', import.meta.url)
  const program = `
    import { once } from 'node:events'
    import { Worker } from 'node:worker_threads'
    import { createLetteringReader, passOn } from ${JSON.stringify(module.href)}
    const reader = createLetteringReader({ limitMs: 60_000 })
    for (const image of ${JSON.stringify(images)}) await reader.read(Buffer.from(image, 'base64'))
    const thread = new Worker(
      "console.error('Error in boxClipToRectangle: box outside rectangle'); console.error('Out of memory')",
      { eval: true },
    )
    passOn(thread)
    await once(thread, 'exit')
    const { read } = reader.counts()
    await reader.stop()
    console.log(read)`
  const run = promisify(execFile)
  const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', program])
  expect([stdout, stderr]).toEqual(['2\n', 'Out of memory\n'])
})

/** Specks, strokes and lines that lie anywhere: Tesseract has something to say of some. */
async function specks(seed: number): Promise<string> {
  let state = seed
  const random = (most: number) => {
    state = (state * 48_271) % 2_147_483_647
    return (state / 2_147_483_647) * most
  }
  const shapes = (count: number, shape: () => string) => Array.from({ length: count }, shape).join('')
  const rect = (width: number, height: number) =>
    `<rect x="${random(200)}" y="${random(120)}" width="${random(width)}" height="${random(height)}"/>`
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="200" height="120"><rect width="100%" height="100%" fill="white"/>
    ${shapes(60, () => `<circle cx="${random(200)}" cy="${random(120)}" r="${random(3)}"/>`)}
    ${shapes(15, () => rect(3, 60))}${shapes(8, () => rect(80, 2))}</svg>`
  return (await sharp(Buffer.from(svg)).png().toBuffer()).toString('base64')
}

const plain = (background: string) =>
  sharp({ create: { width: 40, height: 40, channels: 3, background } })
    .png()
    .toBuffer()
