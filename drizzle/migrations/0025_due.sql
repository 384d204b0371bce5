DROP INDEX `due` ON `vision_webhook_deliveries`;--> statement-breakpoint
CREATE INDEX `due` ON `vision_webhook_deliveries` (`status`,`endpoint_id`,`due_at`);