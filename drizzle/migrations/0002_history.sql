CREATE INDEX `status_history` ON `vision_jobs` (`user_id`,`status`,`id`,`output_format`);--> statement-breakpoint
CREATE INDEX `format_history` ON `vision_jobs` (`user_id`,`output_format`,`id`);