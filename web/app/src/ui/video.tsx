// A video element that keeps its stream: the element is never remounted, srcObject is set once per stream.

import { useEffect, useRef } from "preact/hooks";

export interface VideoProps {
  stream: MediaStream | null;
  mirrored?: boolean;
  class?: string;
  label?: string;
  /** Called with width through height whenever the picture's size changes. */
  onRatio?: (ratio: number) => void;
}

/** Pictures only: sound is played by Sounds, so that it goes on when a tile is out of sight. */
export function Video({ stream, mirrored, class: name, label, onRatio }: VideoProps) {
  const ref = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const video = ref.current;
    if (!video || video.srcObject === stream) return;
    video.srcObject = stream;
    // A play() is cut short when a newer stream replaces this one, which is no fault; muted video needs no gesture.
    if (stream) video.play().catch(() => undefined);
  }, [stream]);
  const resized = () => {
    const v = ref.current;
    if (v && v.videoWidth > 0) onRatio?.(v.videoWidth / v.videoHeight);
  };
  return (
    <video
      ref={ref}
      class={`${name ?? ""}${mirrored ? " mirrored" : ""}`}
      aria-label={label}
      aria-hidden={label ? undefined : true}
      muted
      autoplay
      playsInline
      disablePictureInPicture={false}
      tabIndex={-1}
      onResize={resized}
      onLoadedMetadata={resized}
    />
  );
}
