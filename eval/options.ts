import { parseArgs } from 'node:util'
import { outputFormats } from '../core/pipeline/formats.ts'
import { cases } from './cases.ts'

export const usage = `Usage: npm run eval [-- options]

Options:
  --cases <names>      only these images, separated by commas
  --formats <names>    only these formats, separated by commas
  --measured-palette   takes the palette from the pixels, as the local stack does
`

/** An option that there is not, or a value that it does not take: its message says what it takes. */
export class OptionsError extends Error {}

/** What an evaluation runs on. Throws an {@link OptionsError}. */
export function readOptions(args: string[]) {
  const values = parse(args)
  return {
    names: chosen(
      '--cases',
      values.cases,
      cases.map(({ name }) => name),
    ),
    formats: chosen('--formats', values.formats, outputFormats),
    measuredPalette: values['measured-palette'],
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        cases: { type: 'string' },
        formats: { type: 'string' },
        'measured-palette': { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    throw new OptionsError((error as Error).message)
  }
}

/** The names in an option's value; all of them if the option was not given. */
function chosen<Name extends string>(option: string, value: string | undefined, names: readonly Name[]): Name[] {
  const given = value === undefined ? names : value.split(',').map((name) => name.trim())
  const unknown = given.filter((name) => !names.some((one) => one === name))
  if (unknown.length > 0) {
    throw new OptionsError(`${option} does not know ${unknown.join(', ')}. It takes: ${names.join(', ')}.`)
  }
  return names.filter((name) => given.includes(name))
}
