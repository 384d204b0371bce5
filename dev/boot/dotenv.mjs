// The text of `.env`. Plain JavaScript for Node 18 and later: it may say which port to check before anything is
// installed.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { OptionsError } from './options.mjs'

const file = fileURLToPath(new URL('../../.env', import.meta.url))

/**
 * @returns {string} empty where there is no `.env`
 * @throws {OptionsError} it is there and cannot be read
 */
export function readDotenv() {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return ''
    throw new OptionsError(`${file} cannot be read (${error.code}).`)
  }
}
