/**
 * Owns `holdfast run-script`: a script executed once, here and now, without a store and without any
 * grant.
 *
 * The values that it emits are printed as they come, a line of JSON each, and then its result.
 */
import { readFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import type { Command } from 'commander';
import { HoldfastError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import type { ScriptOptions } from '../../define-script.ts';
import { parseDuration } from '../duration.ts';
import { usageError } from '../failure.ts';
import { harmless, printer } from '../printer.ts';
import type { Session } from '../session.ts';
import { parseCount, readJson } from '../words.ts';

interface Options {
  readonly input: string;
  readonly language?: string;
  readonly time?: string;
  readonly memory?: string;
  readonly values?: string;
  readonly bytes?: string;
}

const mebibyte = 1_048_576;
const languages: Readonly<Record<string, 'js' | 'lua'>> = {
  '.js': 'js',
  '.mjs': 'js',
  '.lua': 'lua',
};

export function addRunScript(program: Command, session: Session): void {
  const command = program.command('run-script').description('execute a script in a sandbox, once');
  command
    .argument('<file>', 'the script: .js or .lua')
    .option('--input <json>', 'JSON, @file, or - for standard input', 'null')
    .option('--language <language>', 'js or lua (default: by the ending of the file)')
    .option('--time <duration>', 'how long it may execute (default: 5s)')
    .option('--memory <mebibytes>', 'how much memory it may use (default: 64)')
    .option('--values <count>', 'how many values it may emit (default: 1000)')
    .option('--bytes <bytes>', 'how much it may emit and return (default: 1048576)')
    .action(async (file: string, options: Options) => {
      const source = await sourceOf(file);
      const input = await readJson(session.io, options.input);
      const { defineScript } = await import('../../define-script.ts');
      const { runScript } = await import('../../runtime/scripts/run-script.ts');
      const print = printer(
        session.io,
        command.optsWithGlobals<{ json?: boolean }>().json === true,
      );
      const language = languageOf(file, options.language);
      const name = basename(file);
      const script = defineScript({ name, language, source, limits: limitsOf(options) });
      try {
        const { values, result } = runScript(script, input);
        for await (const value of values) {
          if (print.json) print.record({ value });
          else print.line(harmless(JSON.stringify(value)));
        }
        if (print.json) print.record({ result: await result });
        else print.line(harmless(JSON.stringify(await result)));
      } finally {
        await script.close();
      }
    });
}

async function sourceOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new HoldfastError('request.invalid', `the script cannot be read: ${why}`, {
      details: { file, todo: 'give the path of a .js or .lua file' },
      cause,
    });
  }
}

function languageOf(file: string, given: string | undefined): 'js' | 'lua' {
  const language = given === undefined ? languages[extname(file)] : languages[`.${given}`];
  if (language !== undefined) return language;
  const what = given === undefined ? `'${file}' ends in neither .js nor .lua` : `no '${given}'`;
  throw usageError(`--language: ${what}`, 'give --language js or --language lua');
}

function limitsOf(options: Options): NonNullable<ScriptOptions['limits']> {
  const { time, memory, values, bytes } = options;
  const most = limits.scriptMemoryBytesMax / mebibyte;
  const { scriptOutputValuesMax: valuesMax, scriptOutputBytesMax: bytesMax } = limits;
  return {
    ...(values === undefined ? {} : { outputValues: parseCount('--values', values, 1, valuesMax) }),
    ...(bytes === undefined ? {} : { outputBytes: parseCount('--bytes', bytes, 1, bytesMax) }),
    ...(time === undefined ? {} : { timeMs: parseDuration('--time', time) }),
    ...(memory === undefined
      ? {}
      : { memoryBytes: parseCount('--memory', memory, 8, most) * mebibyte }),
  };
}
