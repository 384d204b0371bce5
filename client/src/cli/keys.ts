import { type Command, Option } from 'commander'
import { openClient, print, table, wholeNumber } from './context.ts'

type Scope = 'read' | 'write' | 'operator'

export function addKeys(program: Command): void {
  const keys = program.command('keys').description('list, create and revoke API keys')
  keys
    .command('list', { isDefault: true })
    .description('list your keys; no key itself is ever shown again')
    .option('--json', 'print JSON')
    .action(list)
  keys
    .command('create')
    .description('create a key, which is printed this once')
    .argument('<name>', 'for people')
    .addOption(new Option('-s, --scope <scopes...>', 'what it is good for').choices(['read', 'write', 'operator']))
    .option('--days <n>', 'expires after this many days', wholeNumber)
    .action(create)
  keys
    .command('revoke')
    .description('revoke a key: it is refused within 30 seconds')
    .argument('<id>', 'of the key', wholeNumber)
    .action(revoke)
}

async function list({ json }: { json?: true }): Promise<void> {
  const vision = await openClient()
  const { data } = await vision.api.GET('/v1/keys')
  const keys = data?.keys ?? []
  print(keys, json === true, () =>
    table(
      ['key', 'name', 'begins with', 'scopes', 'last used', 'expires'],
      keys.map((key) => [key.keyId, key.name, key.prefix, key.scopes.join(' '), key.lastUsedAt, key.expiresAt]),
    ),
  )
}

async function create(name: string, { scope, days }: { scope?: Scope[]; days?: number }): Promise<void> {
  const vision = await openClient()
  const body = { name, ...(scope && { scopes: scope }), ...(days !== undefined && { expiresInDays: days }) }
  const { data } = await vision.api.POST('/v1/keys', { body })
  // Alone on standard output, so that a script can take it.
  process.stdout.write(`${data?.key}\n`)
  process.stderr.write('Keep it now: it is not shown again.\n')
}

async function revoke(keyId: number): Promise<void> {
  const vision = await openClient()
  await vision.api.DELETE('/v1/keys/{keyId}', { params: { path: { keyId } } })
  process.stdout.write(`key ${keyId}: revoked\n`)
}
