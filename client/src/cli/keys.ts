import { type Command, Option } from 'commander'
import { openClient, print, type Terminal, table, wholeNumber } from './context.ts'

type Scope = 'read' | 'write' | 'operator'
interface Flags {
  readonly json?: true
}
interface KeyFlags {
  readonly scope?: Scope[]
  readonly days?: number
}

export function addKeys(program: Command, terminal: Terminal): void {
  const keys = program.command('keys').description('list, create and revoke API keys')
  keys
    .command('list', { isDefault: true })
    .description('list your keys; no key itself is ever shown again')
    .option('--json', 'print JSON')
    .action((flags: Flags) => list(terminal, flags))
  keys
    .command('create')
    .description('create a key, which is printed this once')
    .argument('<name>', 'for people')
    .addOption(new Option('-s, --scope <scopes...>', 'what it is good for').choices(['read', 'write', 'operator']))
    .option('--days <n>', 'expires after this many days', wholeNumber)
    .action((name: string, flags: KeyFlags) => create(terminal, name, flags))
  keys
    .command('revoke')
    .description('revoke a key: it is refused within 30 seconds')
    .argument('<id>', 'of the key', wholeNumber)
    .action((id: number) => revoke(terminal, id))
}

async function list(terminal: Terminal, { json }: Flags): Promise<void> {
  const vision = await openClient(terminal)
  const { data } = await vision.api.GET('/v1/keys')
  const keys = data?.keys ?? []
  print(terminal, keys, json === true, () =>
    table(
      ['key', 'name', 'begins with', 'scopes', 'last used', 'expires'],
      keys.map((key) => [key.keyId, key.name, key.prefix, key.scopes.join(' '), key.lastUsedAt, key.expiresAt]),
    ),
  )
}

async function create(terminal: Terminal, name: string, { scope, days }: KeyFlags): Promise<void> {
  const vision = await openClient(terminal)
  const body = { name, ...(scope && { scopes: scope }), ...(days !== undefined && { expiresInDays: days }) }
  const { data } = await vision.api.POST('/v1/keys', { body })
  // Alone on standard output, so that a script can take it.
  terminal.stdout.write(`${data?.key}\n`)
  terminal.stderr.write('Keep it now: it is not shown again.\n')
}

async function revoke(terminal: Terminal, keyId: number): Promise<void> {
  const vision = await openClient(terminal)
  await vision.api.DELETE('/v1/keys/{keyId}', { params: { path: { keyId } } })
  terminal.stdout.write(`key ${keyId}: revoked\n`)
}
