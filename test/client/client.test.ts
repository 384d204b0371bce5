import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type * as Client from '../../client/src/index.ts'
import { nodeOf, type PackedProject } from '../support/client/packed.ts'
import { signedEvent } from '../support/client/signed-event.ts'
import { type StartedClient, startClient } from '../support/client/started.ts'
import { hasChromium, launchChromium } from '../support/dev/chromium.ts'
import type { LocalStack } from '../support/dev/local-stack.ts'
import { startPageServer } from '../support/dev/page-server.ts'

const root = join(import.meta.dirname, '../..')
const images = join(root, 'test/fixtures/images')
const poster = join(root, 'samples/poster.png')
const run = promisify(execFile)

let started: StartedClient
let project: PackedProject
let stack: LocalStack
let client: typeof Client
beforeAll(async () => {
  started = await startClient()
  ;({ project, stack, client } = started)
})
afterAll(() => started.stop())

const open = (options: Client.ClientOptions = {}) => client.createVisionClient({ url: stack.url, ...options })
const summary = { analysisPurpose: 'Sell it', outputFormat: 'summary' } as const

const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

describe('the package', () => {
  test('has the client, its types and the command, and nothing else', () => {
    expect(project.files).toContain('dist/index.d.ts')
    expect(project.files).toContain('dist/cli/main.js')
    expect(project.files.filter((file) => !/^(dist\/.*\.(js|d\.ts)|package\.json|README\.md)$/.test(file))).toEqual([])
  })

  // Debian 12 brings Node.js 20; the project's own is 24.
  test.each([20, 24])('goes its whole way under Node.js %i', async (major) => {
    const node = await nodeOf(major)
    if (node === undefined) return
    // A server that is told, beside the client that watches.
    const program = `
      import { once } from 'node:events'
      import { createServer } from 'node:http'
      import { createVisionClient, hasEnded, verifyWebhook } from 'vision-pipeline-client'
      const vision = createVisionClient({ url: process.argv[2] })
      const told = []
      const receiver = createServer(async (request, response) => {
        let body = ''
        for await (const chunk of request) body += chunk
        const event = await verifyWebhook(body, request.headers, { secret: webhook.secret })
        const forged = await verifyWebhook(body + ' ', request.headers, { secret: webhook.secret }).catch(({ code }) => code)
        response.end()
        told.push({ event, forged })
        receiver.emit('told')
      })
      await once(receiver.listen(0, '127.0.0.1'), 'listening')
      const { data: webhook } = await vision.api.POST('/v1/webhooks', {
        body: { url: 'http://127.0.0.1:' + receiver.address().port, events: ['job.completed'] },
      })
      const job = await vision.create({ image: process.argv[3], analysisPurpose: 'Sell it', outputFormat: 'summary' })
      const types = []
      for await (const { type } of vision.watch(job)) types.push(type)
      const { outputs, ...ended } = await vision.wait(job)
      if (told.length === 0) await once(receiver, 'told')
      const [{ event, forged }] = told
      const isOurs = event.data.jobId === job.jobId && event.data.version === ended.version
      await vision.api.DELETE('/v1/webhooks/{webhookId}', { params: { path: { webhookId: webhook.webhookId } } })
      receiver.close()
      const result = { types, ended: hasEnded(ended), headline: outputs.content.result.headline }
      console.log(JSON.stringify({ ...result, told: [event.type, isOurs, forged] }))`
    const file = join(project.folder, 'use.mjs')
    await writeFile(file, program)
    const { stdout } = await run(node, [file, stack.url, poster])
    const { types, ended, headline, told } = JSON.parse(stdout)
    expect([types.at(-1), ended, typeof headline]).toEqual(['completed', true, 'string'])
    expect(told).toEqual(['job.completed', true, 'client.invalid_webhook'])
  })

  test('narrows a text by its format', { tags: 'long' }, async () => {
    const program = `
      import { createVisionClient, isVisionError } from 'vision-pipeline-client'
      const vision = createVisionClient()
      const { outputs } = await vision.wait(1)
      for (const text of outputs.texts) {
        if (text.outputFormat === 'alt_text') text.result?.altText.toUpperCase()
        // @ts-expect-error: a summary has no alternative text
        if (text.outputFormat === 'summary') text.result?.altText
      }
      // @ts-expect-error: a job has an image, or its URL
      await vision.create({ analysisPurpose: 'Sell it', outputFormat: 'summary' })
      // @ts-expect-error: there is no such call
      await vision.api.GET('/v1/nothing')
      try {} catch (error) { if (isVisionError(error, 'limit.jobs_waiting')) error.retryAfterMs?.toFixed() }`
    await writeFile(join(project.folder, 'use.ts'), program)
    const checks = { strict: true, noEmit: true, skipDefaultLibCheck: true }
    const options = { ...checks, module: 'nodenext', target: 'es2022', types: [], lib: ['es2023', 'dom'] }
    const config = join(project.folder, 'tsconfig.json')
    await writeFile(config, JSON.stringify({ compilerOptions: options, files: ['use.ts'] }))
    // The package was built by the project's own TypeScript 7; most users have another.
    const tsc = join(root, 'client/node_modules/typescript/bin/tsc')
    const told = await run(process.execPath, [tsc, '-p', config]).catch((error) => error)
    expect(told.stdout).toBe('')
  })

  test('is a page’s as well: nothing of Node.js is in what a bundler takes for it', async () => {
    const inputs = Object.keys((await bundle("export * from 'vision-pipeline-client'")).metafile.inputs)
    expect(inputs.some((file) => file.endsWith('files-web.js'))).toBe(true)
    expect(inputs.filter((file) => /dist\/cli\/|commander|csv-|picocolors|files-node/.test(file))).toEqual([])
  })

  test.runIf(hasChromium)(
    'runs files that are dropped on a page, in a real browser',
    { tags: 'long', timeout: 120_000 },
    async () => {
      const { outputFiles } = await bundle(`
      import { createVisionClient, verifyWebhook } from 'vision-pipeline-client'
      document.querySelector('input').addEventListener('change', async ({ target }) => {
        const vision = createVisionClient({ url: location.origin })
        const run = await vision.run(target.files, { purpose: 'Sell it', outputs: [{ outputFormat: 'alt_text' }], name: 'page' })
        await run.wait()
        const texts = []
        for await (const row of run.results()) texts.push(row['alt_text.en.altText'])
        const types = []
        const job = await vision.create({ image: target.files[0], analysisPurpose: 'Sell it', outputFormat: 'summary' })
        for await (const { type } of vision.watch(job)) types.push(type)
        const names = run.jobs.map(({ image }) => image.name)
        const { body, headers, secret } = ${JSON.stringify(signedEvent())}
        const verified = await verifyWebhook(body, new Headers(headers), { secret })
        const forged = await verifyWebhook(body + ' ', headers, { secret }).catch(({ code }) => code)
        document.title = JSON.stringify({ names, texts, last: types.at(-1), events: [verified.type, forged] })
      })`)
      const script = { type: 'text/javascript', body: outputFiles[0]?.text ?? '' }
      const html = {
        type: 'text/html',
        body: '<input type="file" multiple><script type="module" src="/page.js"></script>',
      }
      const pages = await startPageServer(stack, async (path) => (path === '/page.js' ? script : html))
      const browser = await launchChromium()
      const page = await browser.newPage()
      const errors: string[] = []
      page.on('pageerror', (error) => errors.push(error.message))
      await page.goto(pages.url)
      await page.setInputFiles('input', [join(images, 'portrait-exif.jpg'), poster])
      await page.waitForFunction("document.title !== ''", undefined, { timeout: 60_000 })
      expect(errors).toEqual([])
      const { names, texts, last, events } = JSON.parse(await page.title())
      expect(events).toEqual(['job.completed', 'client.invalid_webhook'])
      expect([names, texts.map((text: unknown) => typeof text), last]).toEqual([
        ['portrait-exif.jpg', 'poster.png'],
        ['string', 'string'],
        'completed',
      ])
      await browser.close()
      pages.stop()
    },
  )
})

/** What a bundler makes of a page's program. */
function bundle(contents: string) {
  return build({
    stdin: { contents, resolveDir: project.folder },
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
  })
}

describe('a run', () => {
  const wanted = { purpose: 'Sell it in our shop', outputs: [{ outputFormat: 'alt_text', language: 'de' }] } as const
  const some = ['red.png', 'halves.png', 'sample.webp'].map((name) => join(images, name))

  test('makes a row of each image, and lists what is bad; again it sends and pays for nothing', async () => {
    const vision = open()
    const bad = [join(images, 'README.md'), '/not/there.png', 'http://example.com/a.png']
    const progress: Client.RunProgress[] = []
    const first = await vision.run([...some, ...bad, some[0] as string], {
      ...wanted,
      outputs: [...wanted.outputs],
      onProgress: (state) => progress.push(state),
    })
    expect(first.refused.map(({ error }) => error.code)).toEqual([
      'image.unsupported_type',
      'client.unreadable_file',
      'image.invalid_url',
    ])
    expect([first.jobs.length, first.found, first.duplicates]).toEqual([3, 0, 1])
    expect(progress.at(-1)).toEqual({ images: 7, jobs: 3, refused: 3, uploaded: 3 })
    const [batch] = await first.wait()
    expect(batch?.byStatus.completed).toBe(3)
    const rows = await all(first.results())
    expect(rows.map((row) => row.jobId)).toEqual(first.jobs.map(({ jobId }) => jobId))
    expect(rows.map((row) => typeof row['alt_text.de.altText'])).toEqual(['string', 'string', 'string'])

    const more = join(images, 'photo-like.jpg')
    const again = await vision.run([more, ...some], {
      ...wanted,
      outputs: [...wanted.outputs],
      onProgress: (s) => progress.push(s),
    })
    expect([again.batchIds, again.found, again.jobs.length]).toEqual([first.batchIds, 3, 4])
    // What the jobs have brought already is not sent; the new one joins the batch.
    expect(progress.at(-1)?.uploaded).toBe(1)
    const [after] = await again.wait()
    expect([after?.jobs, after?.calls]).toEqual([4, (batch?.calls ?? 0) + 2])
  })

  test('is another where anything else is wanted, by name too', async () => {
    const vision = open()
    const options = { ...wanted, outputs: [...wanted.outputs], purpose: 'Another' }
    const one = await vision.run(some, options)
    const two = await vision.run(some, { ...options, name: 'again' })
    expect(two.found).toBe(0)
    expect(two.batchIds).not.toEqual(one.batchIds)
  })

  test('goes on in a batch of its own where the first takes no more; what was cancelled is made', async () => {
    const vision = open()
    const options = { ...wanted, outputs: [...wanted.outputs], purpose: 'To be closed' }
    const one = await vision.run(some.slice(0, 1), options)
    await one.wait()
    const [batchId = 0] = one.batchIds
    await vision.api.POST('/v1/batches/{batchId}/cancel', { params: { path: { batchId } } })
    const two = await vision.run(some, options)
    expect([two.batchIds.length, two.jobs.length, two.found, two.refused]).toEqual([2, 3, 1, []])
    expect(two.jobs.find(({ image }) => image.name === 'red.png')?.jobId).toBe(one.jobs[0]?.jobId)
    await two.wait()
    expect((await all(two.results())).filter(({ status }) => status === 'completed')).toHaveLength(3)
  })

  test('over its batches finds whatever an earlier one has, by the image and what is known of it', async () => {
    const vision = open()
    const options = { ...wanted, outputs: [...wanted.outputs], purpose: 'Closed twice' }
    const [image = '', other = ''] = some
    const close = async (batchId = 0) => {
      await vision.waitForBatch(batchId)
      await vision.api.POST('/v1/batches/{batchId}/cancel', { params: { path: { batchId } } })
    }
    // More than one call takes, with an address that is stored otherwise than it was written.
    const many = Array.from({ length: 101 }, (_, index) => `https://no.invalid/Grün schuh ${index}.png`)
    const first = await vision.run([...many, { image, sku: 'S1' }], options)
    await close(first.batchIds[0])
    const second = await vision.run([other, ...many, { image, sku: 'S1' }, { image, sku: 'S2' }], options)
    expect([second.jobs.length, second.found, second.refused]).toEqual([104, 102, []])
    await close(second.batchIds.find((id) => id !== first.batchIds[0]))
    const third = await vision.run([other, ...many, { image, sku: 'S1' }, { image, sku: 'S2' }], options)
    expect([third.jobs.length, third.found, third.batchIds.length]).toEqual([104, 104, 2])
    const skus = (await all(third.results({ status: ['completed'] }))).map(({ sku }) => sku)
    expect(skus.filter((sku) => sku !== null)).toEqual(['S1', 'S2'])
  })

  test('finds an image whose file is called differently now, in a batch that takes no more, too', async () => {
    const vision = open()
    const options = { ...wanted, outputs: [...wanted.outputs], purpose: 'Renamed' }
    const [image = '', other = ''] = some
    const before = await vision.run([{ image, name: 'photos/a.png' }], options)
    const after = await vision.run([{ image, name: 'photos2/a.png' }], options)
    expect([after.jobs.map(({ jobId }) => jobId), after.found, after.refused]).toEqual([
      before.jobs.map(({ jobId }) => jobId),
      1,
      [],
    ])
    const [batchId = 0] = (await after.wait()).map((batch) => batch.batchId)
    await vision.api.POST('/v1/batches/{batchId}/cancel', { params: { path: { batchId } } })
    const added = await vision.run([{ image, name: 'b.png' }, other], options)
    expect([added.found, added.jobs.length, added.batchIds.length]).toEqual([1, 2, 2])
  })

  test('has the rows of its own images alone', async () => {
    const vision = open()
    const options = { ...wanted, outputs: [...wanted.outputs], purpose: 'Shoes, then bags' }
    await (await vision.run(some.slice(0, 1), options)).wait()
    const bags = await vision.run(some.slice(1, 2), options)
    const [batch] = await bags.wait()
    expect([batch?.jobs, (await all(bags.results())).length]).toEqual([2, 1])
  })

  test('ends where all are refused, one that cannot be read and one that is a folder among them', async () => {
    const vision = open()
    const run = await vision.run([images, 'http://example.com/a.png'], { ...wanted, outputs: [...wanted.outputs] })
    expect(run.refused.map(({ error }) => error.code)).toEqual(['client.unreadable_file', 'image.invalid_url'])
    expect([run.batchIds, await run.wait(), await all(run.results())]).toEqual([[], [], []])
    const { data } = await vision.api.POST('/v1/batches', { body: {} })
    expect(await vision.waitForBatch(data?.batchId ?? 0)).toMatchObject({ jobs: 0 })
  })

  test('gives an image its facts and SKU, and tells the same image with others apart', async () => {
    const vision = open()
    const [image = ''] = some
    const made = await vision.run(
      [
        { image, sku: 'R-1', facts: { price: '129.00 €' } },
        { image, sku: 'R-2', facts: { price: '99.00 €' } },
        { image: await readFile(image), sku: 'R-1', facts: { price: '129.00 €' } },
      ],
      { ...wanted, outputs: [...wanted.outputs], purpose: 'With facts' },
    )
    await made.wait()
    expect((await all(made.results())).map(({ sku }) => sku)).toEqual(['R-1', 'R-2'])
    expect(made.duplicates).toBe(1)
  })
})

describe('watching', () => {
  /** A fetch that changes what comes back. */
  const changed =
    (change: (request: Request, response: Response) => Promise<Response> | Response): typeof fetch =>
    async (input, init) => {
      const request = new Request(input, init)
      return change(request.clone(), await fetch(request))
    }
  const isStream = (response: Response) => response.headers.get('content-type')?.startsWith('text/event-stream')

  test('a connection that is cut again and again loses nothing and tells nothing twice', async () => {
    let opened = 0
    const cut = changed((_, response) => {
      if (!isStream(response) || response.body === null) return response
      opened++
      // One event gets through, then the line is dead.
      let events = 0
      const dying = new TransformStream<Uint8Array, Uint8Array>({
        transform: (part, to) => {
          to.enqueue(part)
          events +=
            new TextDecoder().decode(part).includes('\nid:') || new TextDecoder().decode(part).startsWith('id:') ? 1 : 0
          if (events > 0 && opened < 3) to.error(new Error('cut'))
        },
      })
      return new Response(response.body.pipeThrough(dying), response)
    })
    const vision = open({ fetch: cut })
    const job = await vision.create({ ...summary, image: poster })
    const events = await all(vision.watch(job))
    const versions = events.map(({ version }) => version)
    expect(versions).toEqual([...new Set(versions)].toSorted((one, other) => one - other))
    expect(events.at(-1)?.type).toBe('completed')
    expect(opened).toBeGreaterThan(1)
  })

  test('where nothing streams, the changes are told all the same', async () => {
    const without = changed(async (request, response) => {
      if (!/\/v1\/jobs\/\d+$/.test(request.url) || response.status !== 200) return response
      return Response.json({ ...((await response.json()) as object), eventsUrl: null }, { headers: response.headers })
    })
    const vision = open({ fetch: without })
    const events = await all(vision.watch(await vision.create({ ...summary, image: poster, idempotencyKey: 'polled' })))
    expect(events.at(-1)).toMatchObject({ type: 'completed', content: { outputFormat: 'summary' } })
  })

  test('a job that has ended is told once; one that is not there is an error', async () => {
    const vision = open()
    const job = await vision.create({ ...summary, imageUrl: 'https://no.invalid/a.png' })
    expect(await vision.wait(job)).toMatchObject({ status: 'failed', error: { code: 'image.unknown_host' } })
    expect((await all(vision.watch(job))).map(({ type }) => type)).toEqual(['failed'])
    await expect(all(vision.watch(1_000_000))).rejects.toMatchObject({ code: 'job.not_found', status: 404 })
  })

  test('waits for months, too: a time that no timer takes is not over at once', async () => {
    const vision = open()
    const job = await vision.create({ ...summary, image: poster })
    for (const timeoutMs of [Number.POSITIVE_INFINITY, 30 * 86_400_000]) {
      expect(await vision.wait(job, { timeoutMs })).toMatchObject({ status: 'completed' })
    }
  })

  test('can be left at any time, and so can waiting', async () => {
    const vision = open()
    const reason = new Error('enough')
    for (const leave of [
      (id: number, signal: AbortSignal) => all(vision.watch(id, { signal })),
      (id: number, signal: AbortSignal) => vision.wait(id, { signal }),
    ]) {
      const { jobId } = await vision.create({ ...summary, image: poster })
      await expect(leave(jobId, AbortSignal.abort(reason))).rejects.toBe(reason)
    }
  })
})
