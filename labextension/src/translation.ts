/** The words of the panel in the user's language; every text of ours passes through `trans`. */
import { ITranslator, nullTranslator, TranslationBundle } from '@jupyterlab/translation';

export let trans: TranslationBundle = nullTranslator.load('jupyter_featx');

/** Speak the language of the application from now on. */
export function speak(translator: ITranslator | null): void {
  trans = (translator ?? nullTranslator).load('jupyter_featx');
}
