import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

/** Debian's. The shell draws and runs pages as the browser does, without the browser's own windows: a third less to compute. */
const executablePath = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium'].find((path) => existsSync(path))
/** Where there is none, tests of pages are left out. */
export const hasChromium = executablePath !== undefined

/** A real browser that calls nobody by itself. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    ...(executablePath !== undefined && { executablePath }),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      // What a GPU would do is done by software, in a process fewer.
      '--in-process-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}
