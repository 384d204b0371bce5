DROP INDEX `turn` ON `vision_webhook_endpoints`;--> statement-breakpoint
CREATE INDEX `failing` ON `vision_webhook_endpoints` (`disabled_reason`,`failures`);