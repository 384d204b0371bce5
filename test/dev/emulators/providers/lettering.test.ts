import { readFile } from 'node:fs/promises'
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

const plain = (background: string) =>
  sharp({ create: { width: 40, height: 40, channels: 3, background } })
    .png()
    .toBuffer()
