// npm run eval: how good the texts are, on images that are made here, by checks that a script can make. Against the providers
// whose keys are set in the environment or in .env, which costs money, and the emulators for those whose are not.
//
//   npm run eval -- --cases sale-en,menu-en --formats alt_text
import { environment } from '../core/platform/config/load.ts'
import { loadPollerConfig } from '../core/platform/config/poller.ts'
import { keyOf } from '../core/platform/config/providers.ts'
import { createPrices } from '../core/providers/prices.ts'
import { registry } from '../core/providers/registry.ts'
import { servingBy } from '../core/providers/serving.ts'
import { lookAt } from '../dev/emulators/providers/look.ts'
import { startProviderEmulators } from '../dev/emulators/providers/server.ts'
import { cases } from './cases.ts'
import { describeFindings, evaluate, table } from './evaluate.ts'
import { OptionsError, readOptions, usage } from './options.ts'

function chosen() {
  try {
    return readOptions(process.argv.slice(2))
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error
    process.stderr.write(`${error.message}\n\n${usage}`)
    return process.exit(2)
  }
}
const { names, formats, measuredPalette } = chosen()

const env = environment()
const { ANALYSIS_PROVIDER = 'gemini', CONTENT_PROVIDER = 'deepseek' } = env
const serving = registry.filter(({ name }) => name === ANALYSIS_PROVIDER || name === CONTENT_PROVIDER)
const isReal = (name: string) => Boolean(env[keyOf(name, 'API_KEY')])
const emulators = serving.every(({ name }) => isReal(name)) ? undefined : await startProviderEmulators()
const urls = { gemini: emulators?.geminiBaseUrl, openai: emulators?.deepseekBaseUrl }
const emulated = serving.filter(({ name }) => !isReal(name))
const config = loadPollerConfig({
  ...env,
  // What only the poller needs.
  DATABASE_URL: 'mysql://nobody@127.0.0.1/none',
  BUCKET_NAME: 'none',
  ...Object.fromEntries(
    emulated.flatMap(({ name, wire }) => [
      [keyOf(name, 'API_KEY'), 'emulated'],
      [keyOf(name, 'BASE_URL'), urls[wire]],
    ]),
  ),
})
const common = { prices: createPrices(config.PRICES, Date.now), timeoutMs: 90_000, now: Date.now }
const { models } = servingBy(config, common)
console.log(`${serving.map(({ name }) => `${name}: ${isReal(name) ? 'real' : 'emulated'}`).join(', ')}\n`)

const results = await evaluate(
  cases.filter(({ name }) => names.includes(name)),
  {
    models,
    formats,
    ...(measuredPalette && { measurePalette: async ({ bytes }) => (await lookAt(bytes)).colours }),
  },
)
await emulators?.stop()

const wrong = describeFindings(results)
for (const line of wrong) console.log(line)
console.log(`\n${table(results)}\n`)
const cost = results.reduce((sum, result) => sum + (result.cost ?? 0), 0) / 1e9
const calls = results.reduce((sum, result) => sum + result.calls, 0)
console.log(`${calls} calls, ${cost.toFixed(4)} dollars by the price table, ${wrong.length} findings`)
process.exitCode = wrong.length > 0 ? 1 : 0
