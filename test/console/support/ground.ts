import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect } from 'vitest'
import { hasChromium, launchChromium } from '../../support/dev/chromium.ts'
import { type LocalStack, startLocalStack } from '../../support/dev/local-stack.ts'
import { type ChosenFile, picture } from './files.ts'
import { startIssuer, type TestIssuer } from './issuer.ts'

/** What journeys are made on: one stack and one browser for all of a file. */
export interface Ground {
  readonly stack: LocalStack
  readonly browser: Browser
  /** Where people sign in to the console who are not on this machine. */
  readonly issuer: TestIssuer
  /** The address of a page of the console. */
  pageOf(path: string): string
  /** Calls the API as the console's owner does. */
  call<T>(path: string, init?: RequestInit & { readonly json?: unknown }): Promise<T>
  /** A file of the test: a browser takes large ones by their paths alone. */
  onDisk(file: ChosenFile): Promise<string>
  /** A batch with a job for each of these pictures. */
  makeBatch(name: string, numbers: readonly number[], defaults?: object): Promise<number>
  /** A job of its own that has ended. */
  makeJob(number: number, fields?: object, headers?: Readonly<Record<string, string>>): Promise<number>
}

/** One text in English. */
export const alt = { analysisPurpose: 'Sell it', outputFormat: 'alt_text', language: 'en' }
export const phone = { width: 375, height: 812 }

/** Sets the ground up before the tests of the file, and takes it down after them. */
export function setUpGround(): Ground {
  let stack: LocalStack
  let browser: Browser
  let issuer: TestIssuer
  beforeAll(async () => {
    if (!hasChromium) return
    issuer = await startIssuer()
    stack = await startLocalStack(20, issuer.settings)
    browser = await launchChromium()
  })
  afterAll(async () => {
    if (!hasChromium) return
    await browser.close()
    await stack.stop()
    await issuer.stop()
  })

  async function call<T>(path: string, init: RequestInit & { readonly json?: unknown } = {}): Promise<T> {
    const { json, ...rest } = init
    const response = await fetch(`${stack.url}${path}`, {
      ...rest,
      ...(json !== undefined && { method: rest.method ?? 'POST', body: JSON.stringify(json) }),
      headers: { 'content-type': 'application/json', ...rest.headers },
    })
    expect(response.ok, `${path}: ${response.status}`).toBe(true)
    return (response.status === 204 ? undefined : await response.json()) as T
  }

  const imageUrl = async (number: number) =>
    `data:image/png;base64,${(await picture(number)).buffer.toString('base64')}`

  return {
    get stack() {
      return stack
    },
    get browser() {
      return browser
    },
    get issuer() {
      return issuer
    },
    pageOf: (path) => `${stack.url}/console${path}`,
    call,
    onDisk: async ({ name, buffer }) => {
      const path = join(stack.folder, name)
      await writeFile(path, buffer)
      return path
    },
    makeBatch: async (name, numbers, defaults = alt) => {
      const { batchId } = await call<{ batchId: number }>('/v1/batches', {
        json: { name, defaults, onInvalid: 'skip' },
      })
      const jobs = await Promise.all(
        numbers.map(async (number) => ({
          imageUrl: await imageUrl(number),
          metadata: { file: `picture-${number}.png` },
        })),
      )
      await call(`/v1/batches/${batchId}/jobs`, { json: { jobs } })
      return batchId
    },
    makeJob: async (number, fields = {}, headers = {}) => {
      const json = { ...alt, imageUrl: await imageUrl(number), ...fields }
      const { jobId } = await call<{ jobId: number }>('/v1/jobs', { json, headers })
      const status = async () => (await call<{ status: string }>(`/v1/jobs/${jobId}`, { headers })).status
      await expect.poll(status).toMatch(/completed|failed/)
      return jobId
    },
  }
}
