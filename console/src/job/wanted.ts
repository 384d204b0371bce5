import type { Job, WantedText } from 'vision-pipeline-client'

type Outputs = Job['outputs']['texts']

/** What a job was made with beside its image: with that it can be made once more. */
export function wantedOf({ analysisPurpose, facts, metadata, brandId, outputs }: Job) {
  return {
    analysisPurpose,
    outputs: textsWanted(outputs.texts, brandId),
    ...(brandId !== null && { brandId }),
    ...(facts && { facts }),
    ...(metadata && { metadata }),
  }
}

/** The texts as they were asked for: variants are one wish. */
export function textsWanted(texts: Outputs, brandOfJob: number | null): WantedText[] {
  const wishes = new Map<string, { text: Outputs[number]; variants: number }>()
  for (const text of texts) {
    const key = [text.outputFormat, text.language, text.platform, text.brandId].join(' ')
    const wish = wishes.get(key)
    if (wish) wish.variants++
    else wishes.set(key, { text, variants: 1 })
  }
  return [...wishes.values()].map(({ text: { outputFormat, language, platform, brandId }, variants }) => ({
    outputFormat,
    language,
    ...(platform && { platform }),
    ...(brandId !== null && brandId !== brandOfJob && { brandId }),
    ...(variants > 1 && { variants }),
  }))
}
