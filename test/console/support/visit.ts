import { AxeBuilder } from '@axe-core/playwright'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { expect } from 'vitest'

/** A visit of the console, which ends with no error of the page. */
export interface Visit extends AsyncDisposable {
  readonly page: Page
  /** What the page said went wrong. */
  readonly errors: readonly string[]
  /** What may be said to go wrong from now on. */
  allow(expected: RegExp): void
}

const patienceMs = 60_000

/** @param expected what may be said to have gone wrong */
export async function visit(
  browser: Browser,
  url: string,
  { expected, ...options }: BrowserContextOptions & { readonly expected?: RegExp } = {},
): Promise<Visit> {
  // Pictures that develop keep a processor busy, where nothing else draws them.
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(patienceMs)
  const errors: string[] = []
  const allowed = expected ? [expected] : []
  const note = (message: string) => allowed.some((one) => one.test(message)) || errors.push(message)
  page.on('pageerror', ({ message }) => note(message))
  page.on('console', (line) => line.type() === 'error' && note(line.text()))
  await page.goto(url)
  return {
    page,
    errors,
    allow: (more) => allowed.push(more),
    [Symbol.asyncDispose]: async () => {
      await context.close()
      expect(errors).toEqual([])
    },
  }
}

/** Signs in by a key or a token, in the dialog that asks who the reader is. */
export async function signInByKey(page: Page, key: string): Promise<void> {
  const dialog = page.getByRole('dialog')
  const label = dialog.getByLabel('API key or token')
  if (!(await label.isVisible())) await dialog.getByText('With an API key or a token instead').click()
  await label.fill(key)
  await dialog.getByRole('button', { name: 'Sign in', exact: true }).click()
}

const guidelines = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']

/** Holds the page as it is against WCAG 2.2 AA, in light and in dark. */
export async function expectAccessible(page: Page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    // What passes is not described: that took most of the time. In the page itself: it has no frames that would need a page of their own to be put together.
    const axe = new AxeBuilder({ page }).setLegacyMode().options({ resultTypes: ['violations'] })
    // The second theme has other colours, and nothing else.
    const judged = colorScheme === 'light' ? axe.withTags(guidelines) : axe.withRules(['color-contrast'])
    const { violations } = await judged.analyze()
    const found = violations.map(({ id, nodes }) => `${colorScheme} ${id}: ${nodes.map(({ html }) => html).join(' ')}`)
    expect(found).toEqual([])
  }
  await page.emulateMedia({ colorScheme: 'light' })
}

/** How wide the page is, in CSS pixels: wider than the window, it would have to be moved about. */
export function widthOf(page: Page): Promise<number> {
  return page.evaluate<number>('document.documentElement.scrollWidth')
}
