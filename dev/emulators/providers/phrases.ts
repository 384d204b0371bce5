import type { Language } from './colour-names.ts'
import { de } from './phrases/de.ts'
import { en, type Phrases } from './phrases/en.ts'
import { es } from './phrases/es.ts'
import { fr } from './phrases/fr.ts'
import { ja } from './phrases/ja.ts'

/** The phrases of the emulated texts in each language. */
export const phrases: Readonly<Record<Language, Phrases>> = { en, de, fr, es, ja }
