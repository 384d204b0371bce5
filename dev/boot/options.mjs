// The options of `npm start`: one definition for dev/boot/start.mjs (which prints the help before anything is
// installed) and dev/main.ts. Plain JavaScript for Node 18 and later.
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const projectFolder = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const defaultPort = 3000
const defaultDataDir = '.data'

export const help = `Vision Pipeline on this machine: the API, its worker, a database and image storage.

Usage: npm start [-- options]

Options:
  --port <number>             port of the API on 127.0.0.1; 0 takes a free one (default: PORT, or ${defaultPort})
  --data-dir <folder>         where everything is kept (default: DATA_DIR, or ${defaultDataDir} in the project)
  --no-sample                 start without the sample job
  --emulator-latency <ms>     how long the built-in stand-ins for Gemini and DeepSeek take to answer
  -h, --help                  show this and exit

Environment:
  PORT                        see --port
  DATA_DIR                    see --data-dir
  DATABASE_URL                mysql://user:password@host:port/database to use instead of a database started here
  GEMINI_API_KEY              calls the real Gemini (costs money); without it a stand-in answers
  DEEPSEEK_API_KEY            calls the real DeepSeek (costs money); without it a stand-in answers

These and all other keys, which .env.example lists, may be exported or stand in .env; what is exported wins.

Ctrl-C stops everything.
`

/** Invalid options; the message is for the person at the terminal. */
export class OptionsError extends Error {
  name = 'OptionsError'
}

/**
 * Reads the options of `npm start`. An option wins over its environment variable.
 *
 * @param {string[]} args the arguments after the script's name
 * @param {Record<string, string | undefined>} [env]
 * @returns {import('./options.d.mts').LocalOptions}
 * @throws {OptionsError} an unknown option or argument, or an invalid value
 */
export function readOptions(args, env = process.env) {
  const values = parse(args)
  return {
    help: values.help ?? false,
    port: wholeNumber(
      values.port === undefined ? 'PORT' : '--port',
      values.port ?? (env.PORT || String(defaultPort)),
      65_535,
    ),
    dataDir:
      values['data-dir'] || env.DATA_DIR
        ? resolve(values['data-dir'] || env.DATA_DIR)
        : resolve(projectFolder, defaultDataDir),
    sample: !values['no-sample'],
    emulatorLatencyMs:
      values['emulator-latency'] === undefined
        ? undefined
        : wholeNumber('--emulator-latency', values['emulator-latency'], 600_000),
  }
}

function parse(args) {
  try {
    const { values } = parseArgs({
      args,
      strict: true,
      allowPositionals: false,
      options: {
        port: { type: 'string' },
        'data-dir': { type: 'string' },
        'no-sample': { type: 'boolean' },
        'emulator-latency': { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    return values
  } catch (error) {
    // npm keeps options for itself unless they follow `--`, and hands on only their values.
    const misplaced =
      error.code === 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL' ? ' Options follow "--": npm start -- --port 4000.' : ''
    throw new OptionsError(`${firstSentence(error.message)}.${misplaced} See npm start -- --help.`)
  }
}

function wholeNumber(name, text, largest) {
  const number = Number(text)
  if (!/^\d+$/.test(text) || number > largest) {
    throw new OptionsError(`${name} must be a whole number from 0 to ${largest}, not '${text}'.`)
  }
  return number
}

function firstSentence(message) {
  return message.split(/\.(?:\s|$)/, 1)[0]
}
