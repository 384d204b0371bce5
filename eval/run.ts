// npm run eval: how good the texts are, on images that are made here, by checks that a script can make. Against the providers
// whose keys are set in the environment or in .env, which costs money, and the emulators for those whose are not.
//
//   npm run eval -- --cases sale-en,menu-en --formats alt_text
import { parseArgs } from 'node:util'
import { type OutputFormat, outputFormats } from '../core/pipeline/formats.ts'
import { createDeepSeek } from '../core/providers/deepseek.ts'
import { createGemini } from '../core/providers/gemini.ts'
import { createPrices } from '../core/providers/prices.ts'
import { lookAt } from '../dev/emulators/providers/look.ts'
import { startProviderEmulators } from '../dev/emulators/providers/server.ts'
import { cases } from './cases.ts'
import { complaints, evaluate, table } from './evaluate.ts'

const { values } = parseArgs({
  options: {
    cases: { type: 'string' },
    formats: { type: 'string' },
    'measured-palette': { type: 'boolean', default: false },
  },
})
const chosen = values.cases?.split(',')
const formats = values.formats?.split(',').filter((name): name is OutputFormat => outputFormats.includes(name as never))

const { GEMINI_API_KEY, GEMINI_BASE_URL, GEMINI_MODEL, DEEPSEEK_API_KEY, DEEPSEEK_BASE_URL, DEEPSEEK_MODEL } =
  process.env
const emulators = GEMINI_API_KEY && DEEPSEEK_API_KEY ? undefined : await startProviderEmulators()
const common = { prices: createPrices([], Date.now), timeoutMs: 90_000, now: Date.now }
const models = {
  analysis: createGemini({
    ...common,
    apiKey: GEMINI_API_KEY || 'emulated',
    baseUrl: GEMINI_API_KEY
      ? GEMINI_BASE_URL || 'https://generativelanguage.googleapis.com'
      : (emulators?.geminiBaseUrl ?? ''),
    model: GEMINI_MODEL || 'gemini-3.5-flash-lite',
  }),
  content: createDeepSeek({
    ...common,
    apiKey: DEEPSEEK_API_KEY || 'emulated',
    baseUrl: DEEPSEEK_API_KEY ? DEEPSEEK_BASE_URL || 'https://api.deepseek.com' : (emulators?.deepseekBaseUrl ?? ''),
    model: DEEPSEEK_MODEL || 'deepseek-flash',
  }),
}
console.log(`gemini: ${GEMINI_API_KEY ? 'real' : 'emulated'}, deepseek: ${DEEPSEEK_API_KEY ? 'real' : 'emulated'}\n`)

const results = await evaluate(
  cases.filter(({ name }) => chosen === undefined || chosen.includes(name)),
  {
    models,
    ...(formats && { formats }),
    ...(values['measured-palette'] && { measurePalette: async ({ bytes }) => (await lookAt(bytes)).colours }),
  },
)
await emulators?.stop()

const wrong = complaints(results)
for (const line of wrong) console.log(line)
console.log(`\n${table(results)}\n`)
const cost = results.reduce((sum, result) => sum + (result.cost ?? 0), 0) / 1e9
const calls = results.reduce((sum, result) => sum + result.calls, 0)
console.log(`${calls} calls, ${cost.toFixed(4)} dollars by the price table, ${wrong.length} findings`)
process.exitCode = wrong.length > 0 ? 1 : 0
