import { useState } from 'preact/hooks'
import type { Job } from 'vision-pipeline-client'
import { Copy } from '../ui/copy.tsx'
import { Tabs } from '../ui/tabs.tsx'
import { wantedOf } from './wanted.ts'

type Way = 'curl' | 'typescript' | 'trpc'

const ways: readonly { readonly id: Way; readonly name: string }[] = [
  { id: 'curl', name: 'curl' },
  { id: 'typescript', name: 'TypeScript' },
  { id: 'trpc', name: 'tRPC' },
]

/** How a program makes such a job. */
export function SameCall({ job }: { readonly job: Job }) {
  const [way, setWay] = useState<Way>('curl')
  const code = codeOf(way, bodyOf(job))
  return (
    <section class="sec" aria-labelledby="call">
      <div class="row between">
        <h2 id="call">The same call</h2>
        <Copy text={code} name="Copy" plain />
      </div>
      <Tabs label="The same call" tabs={ways} chosen={way} choose={setWay} panel="code" />
      <pre id="code" role="tabpanel" aria-label="The call" tabIndex={0}>
        {code}
      </pre>
    </section>
  )
}

function bodyOf(job: Job) {
  const { imageUrl } = job
  // Of an image that came in the call itself only its hash is kept.
  return { imageUrl: /^data:/.test(imageUrl) ? 'https://example.com/image.jpg' : imageUrl, ...wantedOf(job) }
}

function codeOf(way: Way, body: object): string {
  const json = JSON.stringify(body, null, 2)
  if (way === 'curl') {
    // A single quote ends the word of a shell.
    const quoted = json.replaceAll("'", `'\\''`)
    return `curl -X POST ${location.origin}/v1/jobs \\
  -H "Authorization: Bearer $VISION_KEY" \\
  -H 'Content-Type: application/json' \\
  -d '${quoted}'`
  }
  const lines =
    way === 'typescript'
      ? [
          "import { createVisionClient } from 'vision-pipeline-client'",
          '',
          `const vision = createVisionClient({ url: '${location.origin}', key: process.env.VISION_KEY })`,
          `const job = await vision.create(${json})`,
          'const { outputs } = await vision.wait(job)',
        ]
      : [
          "import { createTRPCClient, httpLink } from '@trpc/client'",
          "import type { AppRouter } from './core/api/app.ts'",
          '',
          // biome-ignore lint/suspicious/noTemplateCurlyInString: it is code that is shown
          'const headers = { authorization: `Bearer ${process.env.VISION_KEY}` }',
          `const links = [httpLink({ url: '${location.origin}/api/trpc', headers })]`,
          'const api = createTRPCClient<AppRouter>({ links })',
          `const job = await api.visionPipeline.createJob.mutate(${json})`,
        ]
  return lines.join('\n')
}
