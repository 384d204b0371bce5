import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '../support/temporary-folder.ts'

/**
 * Starts the emulated providers and bucket in a process of their own, which ends with the cleanup.
 *
 * @param latencyMs what every call of a provider takes, in milliseconds
 * @returns the settings by which they are found
 */
export async function startServices(
  cleanup: AsyncDisposableStack,
  latencyMs: number,
): Promise<Readonly<Record<string, string>>> {
  const folder = await temporaryFolder(cleanup)
  const at = (path: string) => JSON.stringify(fileURLToPath(new URL(path, import.meta.url)))
  const script = `
    const { startProviderEmulators } = await import(${at('../../dev/emulators/providers/server.ts')})
    const { startS3Emulator } = await import(${at('../../dev/emulators/s3/server.ts')})
    const keys = { accessKeyId: 'bench', secretAccessKey: 'secret-of-the-emulated-storage' }
    const providers = await startProviderEmulators({ baseLatencyMs: ${latencyMs} })
    const s3 = await startS3Emulator({ folder: ${JSON.stringify(folder)}, bucket: 'bench-images', ...keys })
    console.log(JSON.stringify({
      BUCKET_NAME: 'bench-images', S3_ENDPOINT: s3.endpoint,
      S3_ACCESS_KEY_ID: keys.accessKeyId, S3_SECRET_ACCESS_KEY: keys.secretAccessKey,
      GEMINI_BASE_URL: providers.geminiBaseUrl, DEEPSEEK_BASE_URL: providers.deepseekBaseUrl,
    }))`
  const args = [...process.execArgv, '--input-type=module', '-e', script]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  cleanup.defer(async () => {
    child.kill()
    await once(child, 'close')
  })
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  return JSON.parse(line)
}
