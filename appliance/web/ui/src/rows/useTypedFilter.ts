import { useEffect, useEffectEvent, useState } from 'react';

const PAUSE_MS = 300;

/** A filter's text as it is typed; `apply` is called once the typing pauses. */
export function useTypedFilter(applied: string, apply: (text: string) => void): [string, (text: string) => void] {
  const [text, setText] = useState(applied);
  const settle = useEffectEvent((next: string) => {
    if (next !== applied) apply(next);
  });
  useEffect(() => {
    const timer = window.setTimeout(() => settle(text.trim()), PAUSE_MS);
    return () => window.clearTimeout(timer);
  }, [text]);
  return [text, setText];
}
