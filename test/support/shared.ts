import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { inject } from 'vitest'

/**
 * What is made once for all test files of a run, in whatever process they run: the first to ask makes it, the others wait.
 *
 * @param name of the folder that holds it
 * @param make writes it to that folder, and returns what can be written as JSON
 */
export async function sharedByFiles<Made>(name: string, make: (folder: string) => Promise<Made>): Promise<Made> {
  const folder = join(inject('runFolder'), name)
  const file = `${folder}.json`
  const isFirst = await mkdir(folder).then(
    () => true,
    () => false,
  )
  if (isFirst) {
    const outcome = await make(folder).then(
      (value) => ({ value }),
      (error) => ({ error: String(error.stack) }),
    )
    // Whole when it is there: a name is given at once.
    await writeFile(`${file}.new`, JSON.stringify(outcome))
    await rename(`${file}.new`, file)
  }
  while (!existsSync(file)) await delay(50)
  const { value, error } = JSON.parse(await readFile(file, 'utf8'))
  if (error !== undefined) throw new Error(error)
  return value
}
