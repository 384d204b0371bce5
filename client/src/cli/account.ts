import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import { createVisionClient } from '../index.ts'
import { openClient, print, type Terminal, table, UsageError, writeAccess } from './context.ts'

export function addAccount(program: Command, terminal: Terminal): void {
  program
    .command('brands')
    .description('list your brands')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: true }) => {
      const vision = await openClient(terminal)
      const { data } = await vision.api.GET('/v1/brands', { params: { query: { limit: 100 } } })
      const brands = data?.brands ?? []
      print(terminal, brands, json === true, () =>
        table(
          ['brand', 'name', 'version'],
          brands.map(({ brandId, name, version }) => [brandId, name, version]),
        ),
      )
    })
  program
    .command('login')
    .description('keep the address and key of an API for this command')
    .argument('<url>', 'of the API')
    .addHelpText('after', '\nThe key is read from standard input, so that no history of a shell has it.')
    .action((url: string) => login(terminal, url))
}

async function login(terminal: Terminal, url: string): Promise<void> {
  const { protocol, hostname } = parsed(url)
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
  if (protocol !== 'https:' && !isLocal)
    throw new UsageError(`${url} is not https: anybody on the way could read the key.`)
  const key = await askForKey(terminal)
  if (!key) throw new UsageError('No key was given.')
  // A key that is refused is not kept.
  await createVisionClient({ url, key }).api.GET('/v1/jobs', { params: { query: { limit: 1 } } })
  terminal.stdout.write(`Kept in ${await writeAccess({ url, key }, terminal.env)}, for you alone.\n`)
}

function parsed(url: string): URL {
  if (!URL.canParse(url)) throw new UsageError(`${url} is not a URL.`)
  return new URL(url)
}

async function askForKey({ stdin, stderr }: Terminal): Promise<string> {
  // Nothing is echoed: the output goes nowhere.
  const lines = createInterface({ input: stdin, terminal: stdin.isTTY === true })
  if (stdin.isTTY) stderr.write('Key: ')
  try {
    for await (const line of lines) return line.trim()
    return ''
  } finally {
    lines.close()
    if (stdin.isTTY) stderr.write('\n')
  }
}
