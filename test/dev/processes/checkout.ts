import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { start, type TestProcess, temporaryFolder } from '../child-processes.ts'

const scripts = [
  'child.mjs',
  'commonjs-modules.mjs',
  'dotenv.mjs',
  'options.mjs',
  'port.mjs',
  'prepare.mjs',
  'quick-imports.mjs',
  'run.mjs',
  'start.mjs',
]
const projectBoot = join(import.meta.dirname, '../../../dev/boot')

/** A fresh checkout of the bootstrap files alone, on a machine whose npm notes its calls and installs next to nothing. */
export type Checkout = {
  root: string
  /** the arguments of each call of npm so far */
  npmCalls: () => Promise<string[]>
  /** the environment of that machine, on which every start takes a free port */
  env: NodeJS.ProcessEnv
  /** runs a file of `dev/boot/`; the given variables are added to the environment */
  local: (file: string, args: string[], env?: NodeJS.ProcessEnv) => TestProcess
}

/** @param npm what npm does besides noting the call, as a shell script in the checkout */
export async function checkout(npm = installs): Promise<Checkout> {
  const root = await temporaryFolder()
  await mkdir(join(root, 'dev/boot'), { recursive: true })
  await mkdir(join(root, 'machine'))
  for (const name of scripts) await cp(join(projectBoot, name), join(root, 'dev/boot', name))
  await writeFile(join(root, 'package.json'), '{ "type": "module" }\n')
  await writeFile(join(root, 'package-lock.json'), lockfile('1.0.0'))
  await writeFile(join(root, 'machine', 'npm'), `#!/bin/sh\necho "$*" >> "${root}/npm-calls"\n${npm}\n`, {
    mode: 0o755,
  })
  // The tests themselves usually run under npm.
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|init_cwd)/i.test(name)))
  const env = { ...inherited, PATH: [join(root, 'machine'), '/usr/bin', '/bin'].join(delimiter), PORT: '0' }
  return {
    root,
    env,
    npmCalls: async () => (await readFile(join(root, 'npm-calls'), 'utf8').catch(() => '')).split('\n').filter(Boolean),
    local: (file, args, more = {}) =>
      start(process.execPath, [join(root, 'dev/boot', file), ...args], { cwd: root, env: { ...env, ...more } }),
  }
}

/** A lockfile with one package and one optional package for other machines. */
export function lockfile(version: string): string {
  const packages = {
    '': { name: 'checkout' },
    'node_modules/one': { version, integrity: `sha512-${version}` },
    'node_modules/elsewhere': { version, integrity: `sha512-${version}`, optional: true },
  }
  return JSON.stringify({ lockfileVersion: 3, packages })
}

// As `npm ci`: from nothing, with a binary in .bin.
const installs = `rm -rf node_modules && mkdir -p node_modules/.bin
ln -s "${process.execPath}" node_modules/.bin/node
printf '#!/usr/bin/env node\\nconsole.log("tool on", process.execPath, process.argv.slice(2).join("|"))\\n' > node_modules/.bin/tool
chmod +x node_modules/.bin/tool`
