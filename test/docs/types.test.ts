// @module-tag long
import { execFile } from 'node:child_process'
import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../dev/child-processes.ts'
import { read, root } from './pages.ts'

/** What the blocks of a page take as given. */
const given: Readonly<Record<string, string>> = {
  'client/README.md': `
    import type { VisionClient, Job, NewJob } from 'vision-pipeline-client'
    import { isVisionError } from 'vision-pipeline-client'
    declare const vision: VisionClient
    declare const job: NewJob
    declare const outputs: Job['outputs']
    declare function later(milliseconds: number | undefined): Promise<void>
    declare function show(text: string | undefined): void
    void [vision, job, outputs, later, show, isVisionError]`,
  'docs/webhooks.md': `
    declare const rawBody: string, headers: Record<string, string>, request: Request, secret: string
    void [rawBody, headers, request, secret]`,
  'docs/api.md': '',
}

/** The blocks of a page, each as a module of its own. */
function modulesOf(page: string): readonly string[] {
  const blocks = [...read(page).matchAll(/```ts\n([\s\S]*?)```/g)].map(([, block = '']) => block)
  return blocks.map((block) => {
    // The first block of the client's page makes what the others use.
    const own = page === 'client/README.md' && block.startsWith('import') ? '' : given[page]
    return `${own}\n${block.replaceAll("'./core/", `'${root}/core/`)}\nexport {}\n`
  })
}

test.each(Object.keys(given))('the TypeScript of %s compiles', async (page) => {
  const folder = await temporaryFolder()
  const modules = modulesOf(page)
  expect(modules.length).toBeGreaterThan(0)
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  for (const [index, text] of modules.entries()) await writeFile(join(folder, `${index}.mts`), text)
  const compilerOptions = {
    incremental: false,
    noUnusedLocals: false,
    customConditions: ['vision-source'],
    paths: { 'vision-pipeline-client': [join(root, 'client/src/index.ts')] },
    typeRoots: [join(root, 'node_modules/@types')],
  }
  const settings = { extends: join(root, 'tsconfig.json'), compilerOptions, include: ['*.mts'] }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(settings))
  const compiling = promisify(execFile)(join(root, 'node_modules/.bin/tsc'), ['-p', folder])
  const { stdout } = await compiling.catch((error: { stdout: string }) => error)
  expect(stdout).toBe('')
})
